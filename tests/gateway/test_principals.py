"""What access says of people is remembered, forgotten when it changes, and outlasts access for a while."""

import asyncio

import httpx
import pytest

from contracts.access import RoleGranted
from contracts.api_keys import FindPrincipal
from contracts.blueprint import BlueprintPage, ListBlueprints
from contracts.refusal import Unavailable
from gateway import principals
from gateway.door import Door
from gateway.principals import GATEWAY, Principals
from tests.gateway.access import FakeAccess
from tests.gateway.conftest import Sign
from tests.gateway.fakes import FakeHouse, problem_of
from tests.support.eventually import eventually

PATH = "/api/v2/blueprints"


@pytest.fixture
async def get(nobody: httpx.AsyncClient, house: FakeHouse, sign: Sign):
    """Asks with a token of somebody's."""
    await house.when(ListBlueprints, BlueprintPage(items=(), next_cursor=None))

    async def ask(user: str = "ada") -> httpx.Response:
        return await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(sub=user, teams=None)}"})

    return ask


async def test_access_is_asked_once_for_many_requests(get, access: FakeAccess):
    answers = await asyncio.gather(*(get() for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert access.times(FindPrincipal) == 1


async def test_it_is_asked_again_after_a_while(get, access: FakeAccess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
    await get()
    access.user("ada", "looms:viewer")

    await get()

    assert access.times(FindPrincipal) == 2


async def test_a_role_takes_effect_as_soon_as_it_is_told(get, access: FakeAccess, house: FakeHouse):
    await get()
    access.user("ada", "looms:editor")
    await access.say(RoleGranted.topic(), user_id="ada", team_id="looms", role="editor", by="root")

    await get()

    assert [asked.caller.teams for asked in house.asked] == [(), ("looms",)]


async def test_what_is_told_of_others_changes_nothing(get, access: FakeAccess):
    await get()

    await access.say("RoleGranted", user_id="bob", team_id="looms", role="editor", by="root")
    await get()

    assert access.times(FindPrincipal) == 1


async def test_what_cannot_be_read_makes_everybody_doubtful(get, access: FakeAccess):
    await get()

    await access.say("RoleGranted", nonsense=True)
    await get()

    assert access.times(FindPrincipal) == 2


async def test_an_answer_from_just_before_a_change_is_soon_asked_for_again(get, access: FakeAccess):
    access.user("ada", "looms:editor")
    await access.say("RoleRevoked", user_id="ada", team_id="looms", role="editor", by="root")
    await get()
    access.user("ada")

    async def asked_again() -> bool:
        await get()
        return access.times(FindPrincipal) >= 2

    await eventually(asked_again)


async def test_a_deactivated_user_is_refused_by_name(get, access: FakeAccess):
    await get()
    access.user("ada", active=False)
    await access.say("UserDeactivated", user_id="ada", by="root")

    assert problem_of(await get()) == (401, "user_inactive")
    assert (await get("bob")).status_code == 200


class TestWhileAccessIsAway:
    async def test_the_last_answer_holds(self, get, access: FakeAccess, house, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
        access.user("ada", "looms:editor")
        await get()
        await access.close()

        assert (await get()).status_code == 200
        assert house.asked[-1].caller.roles == ("looms:editor",)

    async def test_it_is_not_asked_with_every_request(self, get, access: FakeAccess, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
        await get()
        access.refusals[FindPrincipal] = Unavailable("busy", "Too much to do.")

        assert {(await get()).status_code for _ in range(5)} == {200}
        assert access.times(FindPrincipal) == 2

    async def test_whoever_is_new_is_asked_to_come_again(self, get, access: FakeAccess):
        await access.close()

        answer = await get("stranger")

        assert problem_of(answer) == (503, "access_unavailable")
        assert int(answer.headers["retry-after"]) >= 1

    async def test_so_is_whoever_has_just_been_changed(self, get, access: FakeAccess):
        await get()
        await access.say("UserDeactivated", user_id="ada", by="root")
        await access.close()

        assert problem_of(await get()) == (503, "access_unavailable")


async def test_everybody_is_asked_for_again_after_a_lost_connection(get, access: FakeAccess, bus, door: Door):
    await get()

    await bus.nc._attempt_reconnect()  # noqa: SLF001 - what nats-py does by itself when its server has gone
    await get()

    assert access.times(FindPrincipal) == 2


async def test_only_so_many_are_remembered(bus, access: FakeAccess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(principals, "PRINCIPALS_REMEMBERED", 3)
    known = Principals(bus)

    for name in ("a", "b", "c", "d"):
        await known.user(name)

    assert known.fresh("user a") is None
    assert known.fresh("user d") is not None
    assert GATEWAY.user_id == access.asked[0].caller.user_id
