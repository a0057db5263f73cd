"""Which facts make work: a message for each that leaves something to do for a worker who does not know of it yet."""

from typing import Any

import asyncpg
import pytest

from chassis.ids import new_id
from chassis.ledger import Recorded
from contracts import instance_events as facts
from execution.driving import work
from execution.driving.reconciler import DUE, GRACE_SECONDS
from tests.execution.lives import Ledger, Life, one_by_one
from tests.support.eventually import eventually
from tests.support.mill import Mill


@pytest.fixture
def life(ledger: Ledger) -> Life:
    """An instance that a worker began at once."""
    return Life(ledger)


def message_for(fact: facts.InstanceEvent) -> tuple[str, Any] | None:
    """The kind of work that a recorded fact makes, and what the message names."""
    place = (fact.originator_id, fact.originator_version)
    made = work.work_for(Recorded(1, *place, fact.topic(), fact.state(), new_id()))
    return made and (made[0], work.instance_in(made[1]))


def test_an_instance_that_nobody_began_is_to_be_started(ledger: Ledger) -> None:
    life = Life(ledger, eager=False)

    assert message_for(ledger.facts[0]) == (work.START, (life.id, 0))


def test_an_instance_that_was_begun_at_once_needs_nobody(ledger: Ledger, life: Life) -> None:
    life.start()

    assert [message_for(fact) for fact in ledger.facts] == [None, None]


def test_what_reaches_an_instance_from_outside_is_to_be_looked_at(ledger: Ledger, life: Life) -> None:
    life.signal()

    assert message_for(ledger.facts[-1]) == (work.WAKE, (life.id, 2))


def test_a_signal_that_nobody_waits_for_yet_needs_nobody(ledger: Ledger, life: Life) -> None:
    life.signal(early=True)

    assert message_for(ledger.facts[-1]) is None


async def test_the_scan_finds_whoever_rests_and_was_reached_though_every_message_was_lost(
    rows: asyncpg.Connection, ledger: Ledger
) -> None:
    signalled, resumed, retried, paused, early, driven = (Life(ledger) for _ in range(6))
    for life in (signalled, early):
        life.rest()
    for life in (resumed, paused):
        life.tell(facts.InstancePaused)
    retried.end(facts.InstanceFailed)
    for life in (signalled, paused, driven):
        life.signal()
    early.signal(early=True)
    resumed.tell(facts.InstanceResumed, by="alice")
    retried.tell(facts.InstanceRetried, by="alice")
    await one_by_one(rows, ledger)

    found = await rows.fetch(DUE, GRACE_SECONDS, 10, [])
    others = await rows.fetch(DUE, GRACE_SECONDS, 10, [signalled.id])

    assert [row[0] for row in found] == [signalled.id, resumed.id, retried.id]
    assert [row[0] for row in others] == [resumed.id, retried.id]


async def test_a_work_message_that_names_no_instance_is_dropped_for_good(mill: Mill) -> None:
    bus = mill.runtime.bus
    stream = bus.stream("work")
    for kind in (work.START, work.WAKE):
        await bus.js.publish(bus.subject("work", kind, "nobody"), b"\xffwho?")

    async def nothing_is_left() -> bool:
        left = await bus.js.consumer_info(stream, work.consumer_name(work.WAKE))
        info = await bus.js.stream_info(stream)
        return not info.state.messages and not left.num_ack_pending

    await eventually(nothing_is_left)
