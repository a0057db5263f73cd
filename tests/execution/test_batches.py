"""Rows follow the facts, however these were cut into batches; streams that are no instances leave no row."""

import random
from datetime import timedelta
from functools import partial
from uuid import UUID

import asyncpg

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.checkpoint_events import CheckpointThreadDeleted
from execution.domain.instance import Instance
from tests.execution.lives import Ledger, Life, one_by_one, project, row_of


async def dump(rows: asyncpg.Connection) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in await rows.fetch("SELECT * FROM workflow_instances ORDER BY instance_id")]


async def test_streams_that_are_no_instances_make_no_rows(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    ids: dict[str, UUID] = {"signal_id": new_id(), "instance_id": life.id}
    before = len(ledger.facts)
    life.tell(facts.SignalPosted, signal_id=ids["signal_id"], name="go", key="k", payload=None, by="alice")
    life.tell(facts.SignalAwaited, instance_id=life.id, node_id="wait", visit=1)
    life.tell(facts.SignalTaken, **ids)
    life.tell(facts.IdempotencyKeyTaken, instance_id=life.id, fingerprint="f")
    life.tell(CheckpointThreadDeleted, thread_id="t")

    await project(rows, ledger, before)

    assert [tuple(row) for row in await rows.fetch("SELECT instance_id, version FROM workflow_instances")] == [
        (life.id, 1)
    ]


async def test_a_row_says_where_its_instance_is_and_is_due_when_that_must_be_looked_at(
    rows: asyncpg.Connection, ledger: Ledger
) -> None:
    dice = random.Random(8)
    lives = [Life(ledger) for _ in range(12)]
    for _ in range(500):
        happen(dice, lives, ledger)
    await one_by_one(rows, ledger)

    for life in lives:
        told = [fact for fact in ledger.facts if fact.originator_id == life.id]
        instance, row = Instance.replay(life.id, told), await row_of(rows, life)
        assert (row["status"], row["worker_id"]) == (instance.status, instance.worker_id)
        assert (row["started_at"], row["completed_at"]) == (instance.started_at, instance.ended_at)
        assert row["resumes_at"] is None or not (instance.ended or instance.worker_id)
        if instance.stirred and instance.status == "waiting":
            assert row["resumes_at"] <= ledger.now
        elif instance.status == "waiting":
            assert row["resumes_at"] == instance.resumes_at


async def test_rows_do_not_depend_on_how_the_facts_were_batched(rows: asyncpg.Connection, ledger: Ledger) -> None:
    dice = random.Random(7)
    lives = [Life(ledger) for _ in range(12)]
    for _ in range(600):
        happen(dice, lives, ledger)
    await one_by_one(rows, ledger)
    grown = await dump(rows)
    assert {row["status"] for row in await rows.fetch("SELECT DISTINCT status FROM workflow_instances")} >= {
        *("running", "waiting", "paused", "completed", "failed", "terminated")
    }

    for batches in (1, 3, 40):
        await rows.execute("TRUNCATE workflow_instances")
        await project(rows, ledger, *sorted(dice.sample(range(1, len(ledger.facts)), batches - 1)))
        assert await dump(rows) == grown


def happen(dice: random.Random, lives: list[Life], ledger: Ledger) -> None:
    """Anything that can be said of an instance as it is now."""
    life, other = dice.choice(lives), dice.choice(lives)
    outside = (
        lambda: life.signal(early=dice.random() < 0.5),
        lambda: life.hear_of(other.id),
        lambda: life.tell(facts.InstanceResumed, by="alice"),
        lambda: life.tell(facts.InstanceCancelRequested, by="alice"),
    )
    end = partial(life.end, dice.choice(list(facts.ENDINGS)))
    inside = (
        lambda: life.rest(dice.choice((None, ledger.now + timedelta(seconds=5)))),
        lambda: life.tell(facts.InstancePaused),
        lambda: life.tell(facts.VariableChanged, name="n", value=1),
        lambda: lives.append(life.child(detached=dice.random() < 0.3)),
        end,
    )
    if life.state == "ended":
        possible = (*outside, lambda: life.tell(facts.InstanceRetried, by="alice"))
    elif life.state == "resting":
        possible = (*outside, life.claim, end)
    else:
        possible = (*outside, *inside, *([] if life.started else [life.start]))
    dice.choice(possible)()
