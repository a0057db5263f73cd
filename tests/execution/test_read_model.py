"""Facts to rows: where an instance is, and when it must be looked at again."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from tests.execution.lives import BROKEN, NOON, Ledger, Life, one_by_one, row_of

LATER = NOON + timedelta(hours=1)
STEERED = ("status", "worker_id", "resumes_at")


async def steered(rows: asyncpg.Connection, life: Life) -> tuple[Any, ...]:
    row = await row_of(rows, life)
    return tuple(row[column] for column in STEERED)


async def test_a_paused_instance_belongs_to_nobody_and_is_never_due(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.tell(facts.InstancePauseRequested, by="alice")
    life.tell(facts.InstancePaused)
    life.signal()

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("paused", None, None)


async def test_a_resumed_instance_is_due_at_once(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.tell(facts.InstancePaused)
    resumed = life.tell(facts.InstanceResumed, by="alice")

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("waiting", None, resumed.timestamp)


@pytest.mark.parametrize("order", [facts.InstanceCancelRequested, facts.InstanceTerminateRequested])
async def test_a_paused_instance_that_shall_end_is_due_at_once(
    rows: asyncpg.Connection, ledger: Ledger, order: type[facts.InstanceEvent]
) -> None:
    life = Life(ledger)
    life.start()
    life.tell(facts.InstancePaused)
    asked = life.tell(order, by="alice")

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("paused", None, asked.timestamp)


@pytest.mark.parametrize("due_at", [None, LATER])
async def test_whatever_reaches_a_resting_instance_makes_it_due_at_once(
    rows: asyncpg.Connection, ledger: Ledger, due_at: Any
) -> None:
    life = Life(ledger)
    life.start()
    life.rest(due_at)
    first = ledger.now
    life.signal()
    life.signal()

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("waiting", None, first)


async def test_a_signal_that_nobody_waits_for_yet_wakes_nobody(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.rest(LATER)
    life.signal(early=True)

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("waiting", None, LATER)


async def test_what_reached_an_instance_before_it_rested_does_not_wake_it(
    rows: asyncpg.Connection, ledger: Ledger
) -> None:
    life = Life(ledger)
    life.start()
    life.signal()
    life.rest(LATER)

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("waiting", None, LATER)


async def test_what_reaches_a_driven_instance_is_its_owners_business(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.rest()
    life.claim()
    life.signal()

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("running", life.worker_id, None)


async def test_a_retried_instance_is_due_and_nothing_is_left_of_its_end(
    rows: asyncpg.Connection, ledger: Ledger
) -> None:
    life = Life(ledger)
    life.start()
    life.end(facts.InstanceFailed)
    retried = life.tell(facts.InstanceRetried, by="alice")

    await one_by_one(rows, ledger)

    row = await row_of(rows, life)
    assert tuple(row[column] for column in STEERED) == ("waiting", None, retried.timestamp)
    assert (row["completed_at"], row["output"], row["error_type"], row["error_node_id"]) == (None,) * 4
    assert (row["nodes_executed"], row["errors"], row["timed_nodes"]) == (0, 0, [])
    assert row["started_at"] is not None


async def test_a_retried_instance_ends_again(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.end(facts.InstanceFailed)
    life.tell(facts.InstanceRetried, by="alice")
    life.claim()
    life.end(facts.InstanceCompleted)

    await one_by_one(rows, ledger)

    row = await row_of(rows, life)
    assert (row["status"], row["worker_id"], row["resumes_at"]) == ("completed", None, None)
    assert (row["error_type"], row["output"]) == (None, '{"said":"done"}')


async def test_a_retry_within_a_run_leaves_it_with_its_owner(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.tell(facts.InstanceRetryScheduled, error=BROKEN, attempt=2, due_at=LATER)
    life.tell(facts.InstanceRetried, by="alice")

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("running", life.worker_id, None)


async def test_a_terminated_instance_has_ended(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.rest(LATER)
    life.tell(facts.InstanceTerminateRequested, by="alice")
    life.end(facts.InstanceTerminated)

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("terminated", None, None)
    assert (await row_of(rows, life))["completed_at"] is not None


async def test_what_comes_after_an_end_changes_only_the_version(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.start()
    life.end(facts.InstanceCancelled)
    life.hear_of(new_id())

    await one_by_one(rows, ledger)

    assert await steered(rows, life) == ("cancelled", None, None)
