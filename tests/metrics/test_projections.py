"""Facts to rows: exact sums, money to the last digit, and nothing counted twice."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta, timezone
from decimal import Decimal

import asyncpg
import pytest

from chassis.ids import new_id
from contracts.instance_events import InstanceEnded
from metrics.domain import Span
from metrics.projections import count_endings
from tests.metrics.facts import NOON, ending, thrown

TABLES = {
    "execution_metrics": "instance_id",
    "execution_rollups": "audience, blueprint_id, span, starts_at",
    "node_rollups": "blueprint_id, span, starts_at, node_id",
}


@pytest.fixture
async def rows(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        yield connection


async def project(rows: asyncpg.Connection, *batches: Sequence[InstanceEnded]) -> None:
    for batch in batches:
        async with rows.transaction():
            await count_endings(batch, rows)


async def dump(rows: asyncpg.Connection) -> dict[str, list[asyncpg.Record]]:
    return {table: await rows.fetch(f"SELECT * FROM {table} ORDER BY {order}") for table, order in TABLES.items()}


async def test_an_ended_execution_is_one_row_with_all_its_figures(rows: asyncpg.Connection) -> None:
    fact = ending(new_id(), "ada", "failed", execution_time_ms=1234.5678, errors=2, tool_calls=3, cost=Decimal("0.07"))
    await project(rows, [fact])
    row = await rows.fetchrow("SELECT * FROM execution_metrics")
    assert row is not None
    assert (row["instance_id"], row["status"], row["ended_at"]) == (fact.originator_id, "failed", NOON)
    assert (row["execution_time_ms"], row["queue_time_ms"]) == (Decimal("1234.568"), Decimal("1.250"))
    assert (row["prompt_tokens"], row["completion_tokens"], row["errors"], row["tool_calls"]) == (100, 20, 2, 3)
    assert dict(zip(row["node_ids"], row["node_execution_times"], strict=True)) == {"start": 0.5, "answer": 118.0}


async def test_money_adds_up_to_the_last_digit(rows: asyncpg.Connection) -> None:
    blueprint = new_id()
    costs = [Decimal("0.1")] * 10 + [Decimal("0.0000000000000001"), Decimal("999999999.999999")]
    await project(rows, *([ending(blueprint, cost=cost)] for cost in costs))
    kept = await rows.fetchval("SELECT cost FROM execution_rollups WHERE audience = '' AND span = 'day'")
    assert kept == Decimal("1000000000.9999990000000001")


async def test_every_stretch_of_time_counts_everybody_and_each_user(rows: asyncpg.Connection) -> None:
    blueprint = new_id()
    facts = [ending(blueprint, "ada"), ending(blueprint, "bob", "failed"), ending(blueprint, "ada", "cancelled")]
    await project(rows, facts[:1], facts[1:])
    kept = await rows.fetch(
        "SELECT audience, completed, failed, cancelled, prompt_tokens FROM execution_rollups ORDER BY audience, span"
    )
    everybody, ada, bob = ("", 1, 1, 1, 300), ("ada", 1, 0, 1, 200), ("bob", 0, 1, 0, 100)
    assert [tuple(row) for row in kept] == [*[everybody] * len(Span), *[ada] * len(Span), *[bob] * len(Span)]


async def test_stretches_of_time_begin_in_utc_whatever_the_clock_that_spoke(rows: asyncpg.Connection) -> None:
    fact = ending(new_id(), at=NOON.replace(hour=23, minute=34).astimezone(timezone(timedelta(hours=5, minutes=45))))
    await project(rows, [fact])
    starts = await rows.fetch("SELECT starts_at FROM execution_rollups WHERE audience = '' ORDER BY span")
    begin = NOON.replace(hour=23)
    assert [row["starts_at"] for row in starts] == [begin.replace(minute=30), begin.replace(hour=0), begin]


async def test_facts_told_again_are_not_counted_again(rows: asyncpg.Connection) -> None:
    facts = thrown(random.Random(1), 200, [new_id(), new_id()], ["ada", "bob"], days=2)
    await project(rows, facts)
    once = await dump(rows)
    await project(rows, facts[100:], facts[:150], [facts[7], facts[7]])
    assert await dump(rows) == once


async def test_a_fact_twice_in_one_batch_counts_once(rows: asyncpg.Connection) -> None:
    fact = ending(new_id())
    await project(rows, [fact, fact])
    assert await rows.fetchval("SELECT completed FROM execution_rollups WHERE audience = '' AND span = 'day'") == 1


async def test_the_rows_do_not_depend_on_how_the_facts_were_batched(rows: asyncpg.Connection) -> None:
    facts = thrown(random.Random(2), 600, [new_id(), new_id(), new_id()], ["ada", "bob"], days=3)
    await project(rows, *([fact] for fact in facts[:100]), facts[100:103], facts[103:])
    one_by_one = await dump(rows)
    await rows.execute(f"TRUNCATE {', '.join(TABLES)}")
    await project(rows, facts[:500], facts[500:])
    assert await dump(rows) == one_by_one


async def test_a_user_without_a_name_is_not_counted_twice(rows: asyncpg.Connection) -> None:
    await project(rows, [ending(new_id(), user_id="")])
    assert await rows.fetchval("SELECT sum(completed) FROM execution_rollups WHERE span = 'day'") == 1


async def test_a_batch_larger_than_a_statement_is_counted_whole(rows: asyncpg.Connection) -> None:
    wide = {f"n{number}": float(number) for number in range(3_000)}
    await project(rows, [ending(new_id(), node_execution_times=wide) for _ in range(2)])
    assert await rows.fetchval("SELECT count(*) FROM node_rollups") == len(Span) * 2 * 3_000


async def test_an_execution_that_ended_late_joins_its_own_hour(rows: asyncpg.Connection) -> None:
    blueprint = new_id()
    await project(rows, [ending(blueprint, at=NOON)], [ending(blueprint, at=NOON - timedelta(microseconds=1))])
    hours = await rows.fetch("SELECT completed, last_at FROM execution_rollups WHERE audience = '' AND span = 'hour'")
    assert sorted(tuple(row) for row in hours) == [(1, NOON - timedelta(microseconds=1)), (1, NOON)]
