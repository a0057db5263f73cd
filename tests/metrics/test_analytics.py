"""Analytics of a blueprint agree with a slow recount of all facts, for any window."""

import random
from datetime import datetime, timedelta

import asyncpg
import pytest

from chassis.ids import new_id
from contracts.message import Caller
from contracts.refusal import Missing
from metrics.projections import count_endings
from tests.metrics.conftest import Asking
from tests.metrics.facts import NOON, ending, thrown
from tests.metrics.naive import check_analytics, check_usage, within

DAYS = 5
ADA, BOB, CAT = Caller(user_id="ada"), Caller(user_id="bob"), Caller(user_id="cat", teams=("red",))


def any_moment(dice: random.Random) -> datetime:
    """Anywhere around the facts: also before and after them, also exactly on the hour or at midnight."""
    moment = NOON + timedelta(microseconds=dice.randrange(int(-1 * 86_400e6), int((DAYS + 1) * 86_400e6)))
    rounding = dice.random()
    if rounding < 0.2:
        return moment.replace(minute=0, second=0, microsecond=0)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) if rounding < 0.3 else moment


@pytest.mark.parametrize("seed", range(3))
async def test_any_window_of_thousands_of_facts_is_answered_as_a_recount_would(
    pool: asyncpg.Pool, ask: Asking, seed: int
) -> None:
    dice = random.Random(seed)
    blueprints, users = [new_id() for _ in range(3)], ["ada", "bob", "cat"]
    facts = thrown(dice, 3_500, blueprints, users, DAYS)
    async with pool.acquire() as rows:
        for begin in range(0, len(facts), 500):
            await count_endings(facts[begin : begin + 500], rows)
    for _ in range(40):
        since, until = sorted((any_moment(dice), any_moment(dice)))
        blueprint, user = dice.choice(blueprints), dice.choice(users)
        seen = within(facts, since, until)
        check_usage(await ask.usage(user, since, until), [fact for fact in seen if fact.user_id == user])
        of_blueprint = [fact for fact in seen if fact.blueprint_id == blueprint]
        check_analytics(await ask.analytics(blueprint, since, until), of_blueprint)
        own = await ask.analytics(blueprint, since, until, BOB, visibility="public")
        check_analytics(own, [fact for fact in of_blueprint if fact.user_id == "bob"])


async def test_every_window_around_an_ending_to_the_microsecond(pool: asyncpg.Pool, ask: Asking) -> None:
    blueprint, tick = new_id(), timedelta(microseconds=1)
    facts = [ending(blueprint, at=NOON + step * tick) for step in (-1, 0, 1)]
    async with pool.acquire() as rows:
        await count_endings(facts, rows)
    for since in range(-3, 4):
        for until in range(since, 4):
            window = (NOON + since * tick, NOON + until * tick)
            answered = await ask.analytics(blueprint, *window)
            assert answered.executions.total == len(within(facts, *window))


async def test_a_blueprint_that_never_ran_has_nothing_to_show(ask: Asking) -> None:
    answered = await ask.analytics(new_id(), NOON, NOON + timedelta(days=30))
    check_analytics(answered, [])
    assert answered.success_rate is None


async def test_the_ten_slowest_of_many_nodes_are_shown(pool: asyncpg.Pool, ask: Asking) -> None:
    blueprint = new_id()
    times = {f"n{number:02}": 1.3**number for number in range(30)}
    async with pool.acquire() as rows:
        await count_endings([ending(blueprint, node_execution_times=times)], rows)
    answered = await ask.analytics(blueprint, NOON, NOON + timedelta(hours=1))
    assert [line.node_id for line in answered.slowest_nodes] == [f"n{number:02}" for number in range(29, 19, -1)]


async def test_the_answer_on_the_wire_is_the_documented_shape(pool: asyncpg.Pool, ask: Asking) -> None:
    blueprint = new_id()
    async with pool.acquire() as rows:
        await count_endings([ending(blueprint)], rows)
    wire = (await ask.analytics(blueprint, NOON, NOON + timedelta(hours=1))).model_dump(mode="json", by_alias=True)
    assert wire["from"] == "2026-03-14T12:00:00.000Z"
    assert wire["to"] == "2026-03-14T13:00:00.000Z"
    assert wire["cost"] == 0.0123
    assert wire["executions"] == {"total": 1, "completed": 1, "failed": 0, "cancelled": 0}
    assert set(wire["slowest_nodes"][0]) == {"node_id", "runs", "p50_ms", "p95_ms"}


class TestWhoMaySeeWhat:
    """The owner and the team see all; others, where they see the blueprint at all, their own executions."""

    @pytest.fixture
    async def shown(self, pool: asyncpg.Pool, ask: Asking):
        blueprint = new_id()
        async with pool.acquire() as rows:
            await count_endings([ending(blueprint, user) for user in ("ada", "ada", "bob", "cat")], rows)

        async def executions(caller: Caller, **reference: object) -> int:
            window = (NOON, NOON + timedelta(hours=1))
            return (await ask.analytics(blueprint, *window, caller, **reference)).executions.total

        return executions

    async def test_the_owner_sees_every_execution(self, shown) -> None:
        assert await shown(ADA) == 4

    @pytest.mark.parametrize("visibility", ["team", "public"])
    async def test_the_team_sees_every_execution(self, shown, visibility: str) -> None:
        assert await shown(CAT, team_id="red", visibility=visibility) == 4

    async def test_anybody_else_sees_only_their_own_of_a_public_blueprint(self, shown) -> None:
        assert await shown(BOB, team_id="red", visibility="public") == 1
        assert await shown(Caller(user_id="dan"), visibility="public") == 0

    @pytest.mark.parametrize("visibility", ["private", "team"])
    async def test_what_is_not_visible_is_missing(self, shown, visibility: str) -> None:
        with pytest.raises(Missing):
            await shown(BOB, team_id="red", visibility=visibility)

    async def test_a_private_blueprint_is_missing_for_its_team_too(self, shown) -> None:
        with pytest.raises(Missing):
            await shown(CAT, team_id="red", visibility="private")
