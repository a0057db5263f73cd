"""`as_of` promises no more than the rows hold, also while they lag behind."""

from datetime import timedelta

import asyncpg
import pytest
from nats.errors import TimeoutError as NatsTimeout

from chassis import clock
from metrics.freshness import BEGINNING, PUBLISHED_WITHIN, Freshness
from metrics.projections import KNOW
from tests.metrics.facts import NOON


class Runner:
    """A projection that has caught up, has not, or whose source does not answer."""

    def __init__(self, answer: bool | Exception) -> None:
        self._answer = answer

    async def caught_up(self, timeout: float) -> bool:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture(params=[False, NatsTimeout()], ids=["lagging", "source silent"])
def behind(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> Freshness:
    return Freshness(Runner(request.param), pool)


async def test_all_that_was_published_is_known_up_to_half_a_second_ago(pool: asyncpg.Pool) -> None:
    before = clock.now()
    as_of = await Freshness(Runner(answer=True), pool).as_of()
    assert before <= as_of + PUBLISHED_WITHIN <= clock.now()


async def test_behind_its_source_it_knows_what_it_heard(pool: asyncpg.Pool, behind: Freshness) -> None:
    for heard in (NOON - timedelta(hours=1), NOON, NOON - timedelta(minutes=1)):
        await pool.execute(KNOW, heard)
    assert await behind.as_of() == NOON - PUBLISHED_WITHIN


async def test_a_clock_ahead_of_ours_promises_nothing_of_the_future(pool: asyncpg.Pool, behind: Freshness) -> None:
    await pool.execute(KNOW, clock.now() + timedelta(days=1))
    assert await behind.as_of() < clock.now()


async def test_before_anything_was_heard_nothing_is_known(behind: Freshness) -> None:
    assert await behind.as_of() == BEGINNING - PUBLISHED_WITHIN
