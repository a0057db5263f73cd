"""Rates shared by all workers: what is let in, what waits, what is refused, and how tokens are charged."""

import asyncio

import asyncpg
import pytest

from execution.memory.limits import PostgresLimits
from execution.middleware.contract import Demand, Grant


@pytest.fixture
def limits(pool: asyncpg.Pool) -> PostgresLimits:
    return PostgresLimits(pool)


def a_demand(limit: int = 2, per_seconds: float = 3600, *, key: str = "k", queue: bool = False) -> Demand:
    return Demand(key, limit, per_seconds, patience=86_400.0 if queue else 0.0)


def tokens(limit: int = 1_000, per_seconds: float = 3600) -> Demand:
    return Demand("t", limit, per_seconds, patience=86_400.0, tokens=True)


class TestPlaces:
    async def test_the_limit_may_come_at_once_and_no_more(self, limits: PostgresLimits) -> None:
        assert [(await limits.take([a_demand()], "x")).refused for _ in range(3)] == [False, False, True]

    async def test_what_is_refused_is_told_when_to_come_back(self, limits: PostgresLimits) -> None:
        for _ in range(2):
            await limits.take([a_demand()], "x")
        grant = await limits.take([a_demand()], "x")
        assert 1700 < grant.wait.total_seconds() <= 1800

    async def test_what_queues_is_let_in_at_an_even_pace_in_the_order_it_came(self, limits: PostgresLimits) -> None:
        waits = [(await limits.take([a_demand(queue=True)], "x")).wait.total_seconds() for _ in range(5)]
        assert [round(wait / 1800) for wait in waits] == [0, 0, 1, 2, 3]

    async def test_what_would_queue_too_long_is_refused(self, limits: PostgresLimits) -> None:
        demand = Demand("k", 1, 3600, patience=3600)
        waits = [await limits.take([demand], "x") for _ in range(3)]
        assert [grant.refused for grant in waits] == [False, False, True]

    async def test_keys_are_strangers(self, limits: PostgresLimits) -> None:
        for key in ("alice", "bob"):
            assert not (await limits.take([a_demand(1, key=key)], "x")).refused

    async def test_under_many_workers_at_once_the_limit_holds(self, limits: PostgresLimits) -> None:
        both = [a_demand(10, key="b"), a_demand(50, key="a")]
        grants = await asyncio.gather(*(limits.take(both if n % 2 else both[::-1], "x") for n in range(40)))
        assert sum(not grant.refused for grant in grants) == 10


class TestSeveralLimits:
    async def test_what_one_refuses_costs_nothing_under_the_others(self, limits: PostgresLimits) -> None:
        tight, wide = a_demand(1, key="tight"), a_demand(2, key="wide")
        assert not (await limits.take([tight, wide], "x")).refused
        refused = await limits.take([tight, wide], "x")
        assert (refused.refused, refused.key) == (True, "tight")
        assert not (await limits.take([wide], "x")).refused

    async def test_the_longest_wait_counts(self, limits: PostgresLimits) -> None:
        short, long = a_demand(1, 10, key="short", queue=True), a_demand(1, 100, key="long", queue=True)
        await limits.take([short, long], "x")
        grant = await limits.take([short, long], "x")
        assert grant.key == "long"
        assert 90 < grant.wait.total_seconds() <= 100


class TestTokens:
    async def spend(self, limits: PostgresLimits, place: str, used: int) -> Grant:
        grant = await limits.take([tokens()], place)
        await limits.charge(place, used)
        return grant

    async def test_what_was_used_keeps_the_next_one_waiting_until_there_is_room(self, limits: PostgresLimits) -> None:
        await self.spend(limits, "one", 1_000)
        grant = await limits.take([tokens()], "two")
        assert 3500 < grant.wait.total_seconds() <= 3600

    async def test_what_is_typical_is_taken_so_that_many_do_not_begin_at_once(self, limits: PostgresLimits) -> None:
        await self.spend(limits, "one", 250)
        waits = [(await limits.take([tokens()], f"more {n}")).wait.total_seconds() for n in range(6)]
        assert [round(wait / 900) for wait in waits] == [0, 0, 0, 1, 2, 3]

    async def test_what_was_taken_too_much_is_given_back(self, limits: PostgresLimits) -> None:
        await self.spend(limits, "one", 800)
        await self.spend(limits, "two", 10)
        grant = await limits.take([tokens()], "three")
        assert 0 < grant.wait.total_seconds() < 1800

    async def test_asking_again_keeps_the_place(self, limits: PostgresLimits) -> None:
        await self.spend(limits, "one", 1_000)
        first, again = [await limits.take([tokens()], "two") for _ in range(2)]
        assert abs((first.wait - again.wait).total_seconds()) < 60
        await limits.charge("two", 1_000)
        assert (await limits.take([tokens()], "three")).wait.total_seconds() > 6_000


async def test_idle_keys_are_forgotten(limits: PostgresLimits) -> None:
    await limits.take([a_demand(1_000, 1)], "x")
    await limits.pool.execute("UPDATE rate_limits SET arrives_at = arrives_at - interval '2 days'")
    await limits.forget_idle()
    assert await limits.pool.fetchval("SELECT count(*) FROM rate_limits") == 0
