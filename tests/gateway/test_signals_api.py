"""Signals over HTTP: to one instance, or to whoever waits for a key, each time under one id."""

from typing import Any

import httpx
import pytest

from contracts.blueprint import ResolveBlueprint
from contracts.message import Request
from contracts.refusal import Conflict, Missing
from contracts.steering import KeyedSignalBody, PostSignal, SignalBody, SignalInstance, SignalView
from gateway import asking, examples
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, problem_of, reference, resolves, stranger

RUN = stranger()
TO_ONE = (f"/api/v2/instances/{RUN}/signal", SignalInstance, examples.SIGNAL_BODY)
TO_A_KEY = (f"/api/v2/blueprints/{BLUEPRINT_ID}/signals", PostSignal, examples.KEYED_SIGNAL_BODY)
both = pytest.mark.parametrize(("path", "command", "body"), [TO_ONE, TO_A_KEY], ids=["to one", "to a key"])


@pytest.fixture(autouse=True)
async def _accepts(house: FakeHouse) -> None:
    """The blueprint is found, and every signal accepted."""
    await resolves(house)
    for command in (SignalInstance, PostSignal):
        await house.when(command, lambda asked: SignalView(signal_id=asked.signal_id, instance_id=RUN))


@both
async def test_a_signal_is_accepted_under_an_id_of_its_own(
    ada: httpx.AsyncClient, house: FakeHouse, path: str, command: type[Request], body: dict
):
    first, second = [await ada.post(path, json=body) for _ in range(2)]

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == {"signal_id": first.json()["signal_id"], "instance_id": str(RUN)}
    assert first.json()["signal_id"] != second.json()["signal_id"]
    assert [str(asked.signal_id) for asked in house.asked_for(command)] == [
        first.json()["signal_id"],
        second.json()["signal_id"],
    ]


async def test_a_signal_to_one_carries_name_payload_and_key(ada: httpx.AsyncClient, house: FakeHouse):
    path, command, body = TO_ONE

    await ada.post(path, json=body, headers={"Idempotency-Key": "once"})

    (asked,) = house.asked_for(command)
    assert (asked.instance_id, asked.body, asked.idempotency_key) == (RUN, SignalBody(**body), "once")


async def test_a_signal_to_a_key_carries_the_blueprint_as_it_is(ada: httpx.AsyncClient, house: FakeHouse):
    path, command, body = TO_A_KEY

    await ada.post(path, json=body, headers={"Idempotency-Key": "once"})

    (asked,) = house.asked_for(command)
    assert (asked.blueprint, asked.body, asked.idempotency_key) == (reference(), KeyedSignalBody(**body), "once")


async def test_a_payload_may_be_anything_or_nothing(ada: httpx.AsyncClient, house: FakeHouse):
    for payload in (None, 0, "x", [1, {"a": None}], False):
        await ada.post(TO_ONE[0], json={"name": "paid", "payload": payload})
    await ada.post(TO_ONE[0], json={"name": "paid"})

    payloads = [asked.body.payload for asked in house.asked_for(SignalInstance)]
    assert payloads == [None, 0, "x", [1, {"a": None}], False, None]


@both
async def test_an_unheard_signal_is_sent_again_under_the_same_id(
    ada: httpx.AsyncClient, house: FakeHouse, monkeypatch, path, command, body
):
    def second_time(asked: Any) -> SignalView | None:
        heard = house.asked_for(command)
        return SignalView(signal_id=asked.signal_id, instance_id=None) if len(heard) > 1 else None

    monkeypatch.setattr(asking, "FIRST_SECONDS", 0.3)
    await house.when(command, second_time)

    answer = await ada.post(path, json=body)

    assert answer.status_code == 202
    assert len({asked.signal_id for asked in house.asked_for(command)}) == 1


@both
@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"name": None}, "/name"), ({"name": ""}, "/name"), ({"name": "x" * 129}, "/name"), ({"to": "x"}, "/to")],
)
async def test_a_signal_that_cannot_be_read_is_a_422(
    ada: httpx.AsyncClient, house: FakeHouse, path, command, body, change, pointer
):
    answer = await ada.post(path, json=body | change)

    assert problem_of(answer) == (422, "invalid_body")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert house.asked == []


@pytest.mark.parametrize("key", [None, "", "x" * 513])
async def test_a_posted_signal_needs_a_key_of_some_length(ada: httpx.AsyncClient, key: str | None):
    answer = await ada.post(TO_A_KEY[0], json={"name": "paid", "key": key})

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/key"]


@both
async def test_no_body_and_a_bad_key_and_a_query_are_400s(ada: httpx.AsyncClient, path, command, body):
    assert problem_of(await ada.post(path)) == (400, "malformed_json")
    assert problem_of(await ada.post(path, json=body, headers={"Idempotency-Key": "x" * 256}))[0] == 400
    assert problem_of(await ada.post(f"{path}?now=1", json=body)) == (400, "bad_query")


@both
@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Missing("instance_not_found", "None."), 404),
        (Conflict("already_ended", "Over."), 409),
        (Conflict("idempotency_key_reused", "Other content."), 409),
    ],
)
async def test_a_refused_signal_is_a_problem(ada, house: FakeHouse, path, command, body, refusal, status):
    await house.when(command, refusal)

    assert problem_of(await ada.post(path, json=body)) == (status, refusal.code)


async def test_a_signal_to_a_blueprint_that_is_not_visible_is_a_404(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ResolveBlueprint, Missing("no_blueprint", "There is no such blueprint."))

    assert problem_of(await ada.post(TO_A_KEY[0], json=TO_A_KEY[2])) == (404, "no_blueprint")
    assert house.asked_for(PostSignal) == []
