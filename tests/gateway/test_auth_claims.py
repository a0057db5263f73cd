"""What a token may say: when it holds, for whom, with which roles."""

import time

import httpx
import pytest

from contracts.blueprint import BlueprintPage, ListBlueprints
from contracts.message import Caller
from contracts.roles import administers, may
from tests.gateway.access import FakeAccess
from tests.gateway.conftest import Sign
from tests.gateway.fakes import FakeHouse

PATH = "/api/v2/blueprints"
NOTHING = BlueprintPage(items=(), next_cursor=None)


@pytest.fixture
def caller_of(nobody: httpx.AsyncClient, house: FakeHouse, sign: Sign):
    """The caller that services hear of with a token of these claims."""

    async def ask(**claims) -> Caller:
        await house.when(ListBlueprints, NOTHING)
        answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(**claims)}"})
        assert answer.status_code == 200, answer.text
        return house.asked[-1].caller

    return ask


class TestTheClocksOfOthers:
    @pytest.mark.parametrize("claims", [{"exp": -5}, {"iat": 5}, {"nbf": 5}])
    async def test_may_be_a_little_off(self, caller_of, claims: dict):
        moments = {name: int(time.time()) + offset for name, offset in claims.items()}

        assert (await caller_of(**moments)).user_id == "ada"

    @pytest.mark.parametrize(("claims", "code"), [({"exp": -20}, "expired_token"), ({"iat": 60}, "bad_token")])
    async def test_but_not_far(self, nobody: httpx.AsyncClient, sign: Sign, claims: dict, code: str):
        moments = {name: int(time.time()) + offset for name, offset in claims.items()}

        answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(**moments)}"})

        assert (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.parametrize("exp", [float("inf"), float("nan"), 1e400])
async def test_a_token_without_an_end_is_refused(nobody: httpx.AsyncClient, sign: Sign, exp: float):
    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(exp=exp)}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


@pytest.mark.parametrize("team", ["a:admin", "*", "*:admin", "a*"])
async def test_a_team_cannot_be_named_like_a_role(nobody: httpx.AsyncClient, sign: Sign, team: str):
    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(teams=['a', team])}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


async def test_a_role_in_a_team_makes_a_member(caller_of):
    caller = await caller_of(teams=["engines"], roles=["looms:editor"])

    assert caller.teams == ("engines", "looms")
    assert may(caller, "edit", "looms")
    assert not may(caller, "edit", "engines")


@pytest.mark.parametrize("role", ["looms:boss", ":admin", "a:b:admin", "*:boss", "looms:", "looms:admin ", "ADMIN"])
async def test_what_is_no_role_allows_nothing_and_makes_no_member(caller_of, role: str):
    caller = await caller_of(teams=["engines"], roles=[role])

    assert caller.teams == ("engines",)
    assert not administers(caller)
    assert not administers(caller, "engines")


class TestWhatAccessGranted:
    async def test_comes_on_top_of_the_token(self, caller_of, access: FakeAccess):
        access.user("ada", "looms:operator", "engines:editor")

        caller = await caller_of(teams=["engines"], roles=["engines:viewer"])

        assert caller.teams == ("engines", "looms")
        assert caller.roles == ("engines:viewer", "looms:operator", "engines:editor")

    async def test_leaves_a_role_without_a_team_in_the_teams_of_the_token(self, caller_of, access: FakeAccess):
        access.user("ada", "looms:viewer")

        caller = await caller_of(teams=["engines"], roles=["admin", "mills:operator"])

        assert set(caller.teams) == {"engines", "looms", "mills"}
        assert administers(caller, "engines")
        assert [may(caller, "edit", team) for team in ("looms", "mills")] == [False, False]
        assert may(caller, "steer", "mills")

    async def test_can_be_the_whole_deployment(self, caller_of, access: FakeAccess):
        access.user("ada", "*:admin")

        caller = await caller_of(teams=None)

        assert administers(caller)
        assert caller.teams == ()

    async def test_is_not_there_for_those_whom_access_does_not_know(self, caller_of):
        assert await caller_of() == Caller(user_id="ada", teams=("engines",))
