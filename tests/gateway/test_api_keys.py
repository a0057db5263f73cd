"""API keys in place of tokens: whose they are, what bounds them, when they open nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from chassis import clock
from contracts.api_keys import FindApiKey
from contracts.blueprint import BlueprintPage, ListBlueprints
from contracts.message import Caller
from tests.gateway.access import SECRET, FakeAccess
from tests.gateway.fakes import FakeHouse, problem_of

PATH = "/api/v2/blueprints"


@pytest.fixture
async def get(nobody: httpx.AsyncClient, house: FakeHouse):
    """Asks with a credential."""
    await house.when(ListBlueprints, BlueprintPage(items=(), next_cursor=None))

    async def ask(credential: str) -> httpx.Response:
        return await nobody.get(PATH, headers={"Authorization": f"Bearer {credential}"})

    return ask


async def test_a_key_acts_as_its_owner_within_its_scopes(get, access: FakeAccess, house: FakeHouse):
    answer = await get(access.key("ada", "engines:editor", scopes=("read",)))

    assert answer.status_code == 200
    assert house.asked[0].caller == Caller(
        user_id="ada", teams=("engines",), roles=("engines:editor",), scopes=("read",)
    )


async def test_a_key_may_be_bounded_to_teams(get, access: FakeAccess, house: FakeHouse):
    roles = ("engines:editor", "looms:admin", "*:admin")
    await get(access.key("ada", *roles, scopes=("read", "manage"), teams=("engines",)))

    assert house.asked[0].caller.teams == ("engines",)
    assert house.asked[0].caller.roles == ("engines:editor",)


async def test_access_is_asked_once_and_never_told_the_secret(get, access: FakeAccess):
    key = access.key("ada", "engines:editor")

    assert {(await get(key)).status_code for _ in range(5)} == {200}
    assert access.times(FindApiKey) == 1
    assert SECRET not in access.asked[0].model_dump_json()


async def test_another_secret_opens_nothing_even_when_the_key_is_known(get, access: FakeAccess):
    key = access.key("ada", "engines:editor")
    await get(key)

    answer = await get(key[:-1] + "x")

    assert problem_of(answer) == (401, "bad_api_key")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "credential",
    ["hr_", "hr_x", "hr_0_1", f"hr_{'0' * 32}_", f"hr_{'0' * 32}_short", f"hr_{'Z' * 32}_{SECRET}", f"hr_{'0' * 32}_ä"],
)
async def test_what_cannot_be_a_key_is_refused_without_asking(nobody, access: FakeAccess, credential: str):
    answer = await nobody.get(PATH, headers={"Authorization": b"Bearer " + credential.encode("latin-1")})

    assert problem_of(answer) == (401, "bad_api_key")
    assert access.asked == []


async def test_a_key_that_nobody_issued_is_refused(get):
    assert problem_of(await get(f"hr_{UUID(int=7).hex}_{SECRET}")) == (401, "bad_api_key")


async def test_a_key_ends_when_it_expires_though_access_said_so_earlier(
    get, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
):
    key = access.key("ada", expires_at=datetime.now(UTC) + timedelta(seconds=20))
    assert (await get(key)).status_code == 200

    later = clock.now() + timedelta(seconds=21)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert problem_of(await get(key)) == (401, "bad_api_key")
    assert access.times(FindApiKey) == 1


async def test_a_revoked_key_opens_nothing_as_soon_as_it_is_told(get, access: FakeAccess):
    key = access.key("ada", "engines:editor")
    await get(key)
    access.keys.clear()

    assert (await get(key)).status_code == 200
    await access.say("ApiKeyRevoked", owner_id="ada", by="ada")

    assert problem_of(await get(key)) == (401, "bad_api_key")


async def test_the_keys_of_a_deactivated_user_open_nothing(get, access: FakeAccess):
    key = access.key("ada", "engines:editor", active=False)

    assert problem_of(await get(key)) == (401, "user_inactive")
