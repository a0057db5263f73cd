"""Whoever tries tokens and keys without end is asked to wait; nobody else notices."""

from datetime import timedelta

import httpx
import pytest

from chassis import clock
from contracts.api_keys import FindApiKey
from contracts.blueprint import BlueprintPage, ListBlueprints
from contracts.refusal import TooMany
from gateway import failures
from gateway.failures import FAILURES_PER_WINDOW, WINDOW_SECONDS, Failures
from tests.gateway.access import SECRET, FakeAccess
from tests.gateway.conftest import Sign
from tests.gateway.fakes import FakeHouse, problem_of, stranger

PATH = "/api/v2/blueprints"


@pytest.fixture
async def get(nobody: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch):
    """Asks with a credential, where three failures are too many."""
    monkeypatch.setattr(failures, "FAILURES_PER_WINDOW", 3)
    await house.when(ListBlueprints, BlueprintPage(items=(), next_cursor=None))

    async def ask(credential: str | None) -> httpx.Response:
        return await nobody.get(PATH, headers={"Authorization": f"Bearer {credential}"} if credential else {})

    return ask


async def test_the_next_one_is_told_when_to_come_back(get):
    answers = [await get("x.y.z") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert problem_of(answers[-1]) == (429, "too_many_failures")
    assert 0 < int(answers[-1].headers["retry-after"]) <= WINDOW_SECONDS


async def test_keys_are_not_even_looked_up_then(get, access: FakeAccess):
    answers = [await get(f"hr_{stranger().hex}_{SECRET}") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 3
    assert access.times(FindApiKey) == 3


async def test_what_holds_is_let_in_all_the_same(get, sign: Sign, access: FakeAccess):
    key = access.key("ada", "engines:editor")
    assert (await get(key)).status_code == 200
    for _ in range(5):
        await get("x.y.z")

    assert (await get(sign())).status_code == 200
    assert (await get(key)).status_code == 200


async def test_coming_without_anything_is_no_try(get):
    assert {(await get(None)).status_code for _ in range(10)} == {401}


def test_a_minute_later_it_begins_anew(monkeypatch: pytest.MonkeyPatch):
    counted = Failures()
    for _ in range(FAILURES_PER_WINDOW):
        counted.refuse("192.0.2.1")
        counted.count("192.0.2.1")
    with pytest.raises(TooMany):
        counted.refuse("192.0.2.1")

    later = clock.monotonic() + timedelta(seconds=WINDOW_SECONDS).total_seconds()
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    counted.refuse("192.0.2.1")


def test_a_customer_with_many_addresses_counts_once():
    counted = Failures()
    for host in range(FAILURES_PER_WINDOW):
        counted.count(f"2001:db8:1:2::{host:x}")

    with pytest.raises(TooMany):
        counted.refuse("2001:db8:1:2:ffff::1")
    counted.refuse("2001:db8:1:3::1")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(failures, "ADDRESSES_REMEMBERED", 10)
    counted = Failures()

    for host in range(100):
        counted.count(f"192.0.2.{host}")

    assert len(vars(counted)["_windows"]) == 10
