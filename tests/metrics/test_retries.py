"""An execution that goes on after it failed counts as if it had ended once, to the last digit."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import asyncpg
import pytest

from chassis.ids import new_id
from chassis.projection import Fact
from contracts.instance_events import InstanceEnded, InstanceEvent
from metrics.projections import Executions
from tests.metrics.conftest import Asking
from tests.metrics.facts import NOON, again, ending, retried, thrown
from tests.metrics.naive import check_analytics, check_usage

TABLES = Executions.tables
DAYS = (NOON, NOON + timedelta(days=30))


@pytest.fixture
async def rows(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        yield connection


async def project(rows: asyncpg.Connection, facts: Sequence[InstanceEvent], *cuts: int) -> None:
    """Fold the facts, cut into batches."""
    for begin, end in pairwise((0, *cuts, len(facts))):
        async with rows.transaction():
            batch = [Fact(fact, position, new_id()) for position, fact in enumerate(facts[begin:end], begin + 1)]
            await Executions().apply(batch, rows)


async def dump(rows: asyncpg.Connection) -> dict[str, list[str]]:
    return {table: sorted(map(str, await rows.fetch(f"SELECT * FROM {table}"))) for table in TABLES}


async def rolled(rows: asyncpg.Connection) -> list[tuple[object, ...]]:
    query = "SELECT completed, failed, cancelled, cost, first_at, last_at FROM execution_rollups WHERE span = 'day'"
    return [tuple(row) for row in await rows.fetch(f"{query} AND audience = ''")]


async def test_a_retried_execution_counts_again_only_when_it_has_ended_again(rows: asyncpg.Connection) -> None:
    failed = ending(new_id(), status="failed", cost=Decimal("0.125"))
    await project(rows, [failed, retried(failed)], 1)
    assert await rolled(rows) == []
    assert all(not found for table, found in (await dump(rows)).items() if table != "known")

    done = again(failed, "completed", cost=Decimal("0.5"))
    await project(rows, [done])
    assert await rolled(rows) == [(1, 0, 0, Decimal("0.5"), done.timestamp, done.timestamp)]


async def test_others_in_the_same_stretch_of_time_keep_their_figures(rows: asyncpg.Connection) -> None:
    blueprint = new_id()
    first, failed, last = (
        ending(blueprint, status=status, at=NOON + timedelta(seconds=seconds), cost=Decimal(cost))
        for status, seconds, cost in (("completed", 1, "0.1"), ("failed", 2, "0.0000007"), ("cancelled", 3, "2"))
    )
    await project(rows, [first, failed, last, retried(failed)], 3)
    assert await rolled(rows) == [(1, 0, 1, Decimal("2.1"), first.timestamp, last.timestamp)]


@pytest.mark.parametrize("outermost", [0, 2])
async def test_the_bounds_of_a_stretch_of_time_are_those_of_what_is_left(
    rows: asyncpg.Connection, outermost: int
) -> None:
    blueprint = new_id()
    facts = [ending(blueprint, "ada", "failed", NOON + timedelta(seconds=second)) for second in range(3)]
    left = [fact for fact in facts if fact is not facts[outermost]]
    await project(rows, [*facts, retried(facts[outermost])], 3)
    assert [row[-2:] for row in await rolled(rows)] == [(left[0].timestamp, left[-1].timestamp)]


async def test_a_terminated_execution_counts_as_cancelled(rows: asyncpg.Connection, ask: Asking) -> None:
    blueprint = new_id()
    await project(rows, [ending(blueprint, status="terminated"), ending(blueprint, status="cancelled")])
    whole = await ask.analytics(blueprint, *DAYS)
    part = await ask.analytics(blueprint, NOON, NOON + timedelta(seconds=1))
    for found in (whole, part):
        assert (found.executions.total, found.executions.cancelled) == (2, 2)


async def test_a_retry_of_what_never_ended_changes_nothing(rows: asyncpg.Connection) -> None:
    counted, unknown = ending(new_id()), ending(new_id(), status="failed")
    await project(rows, [counted, retried(unknown)])
    assert await rows.fetchval("SELECT count(*) FROM execution_metrics") == 1


async def test_rows_do_not_depend_on_batches_nor_on_what_was_counted_in_between(
    rows: asyncpg.Connection, ask: Asking
) -> None:
    dice, blueprints = random.Random(11), [new_id(), new_id()]
    ended = thrown(dice, 300, blueprints, ["ada", "bob"], days=3)
    facts = list(with_retries(dice, ended))
    await project(rows, facts, *range(1, len(facts)))
    grown = await dump(rows)
    for batches in (1, 7):
        await rows.execute(f"TRUNCATE {', '.join(TABLES)}")
        await project(rows, facts, *sorted(dice.sample(range(1, len(facts)), batches - 1)))
        assert await dump(rows) == grown

    final = list({fact.originator_id: fact for fact in facts if isinstance(fact, InstanceEnded)}.values())
    counted = [fact for fact in final if fact.originator_id != facts[-1].originator_id]
    check_analytics(
        await ask.analytics(blueprints[0], *DAYS), [fact for fact in counted if fact.blueprint_id == blueprints[0]]
    )
    check_usage(await ask.usage("ada", *DAYS), [fact for fact in counted if fact.user_id == "ada"])


def with_retries(dice: random.Random, ended: Sequence[InstanceEnded]) -> list[InstanceEvent]:
    """Every third execution goes on after it ended, some more than once; the last one has not ended again."""
    facts: list[InstanceEvent] = list(ended)
    for fact in dice.sample(list(ended), 100):
        once = again(fact, dice.choice(("failed", "completed")), 1_000, cost=Decimal("0.00000000001"))
        facts += [retried(fact), once]
        if dice.random() < 0.3:
            facts += [retried(once), again(once, "terminated", 7_000, node_execution_times={"fetch": 3.25})]
    return [*facts, retried(ended[-1])]
