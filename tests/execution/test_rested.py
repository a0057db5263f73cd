"""Instances that rested a moment ago go on from memory, and from what was recorded since."""

import pytest

from chassis.ids import new_id
from execution.domain.instance import Instance
from execution.driving.records import Records
from execution.driving.rested import KEPT_MAX, Rested
from tests.execution.families import WAITS, reaches, send_go
from tests.support.mill import Mill


async def a_resting(mill: Mill) -> Instance:
    """One that waits for a signal, as it is recorded."""
    answer = await mill.execute(await mill.know(WAITS), wait=0)
    await reaches(mill, answer.instance_id, "waiting")
    return await Records(mill.runtime.store).load(answer.instance_id)


@pytest.fixture
def rested(mill: Mill) -> Rested:
    return Rested(Records(mill.runtime.store))


async def test_one_is_taken_out_as_it_is_recorded_now(mill: Mill, rested: Rested) -> None:
    instance = await a_resting(mill)
    rested.keep(instance, "a-trace")
    await send_go(mill, instance.id)
    await reaches(mill, instance.id, "completed")

    kept = await rested.take(instance.id)

    assert kept is not None
    assert (kept.instance.status, kept.traceparent) == ("completed", "a-trace")
    assert kept.instance.version == len(await mill.facts(instance.id))


async def test_whoever_takes_one_out_owns_it(mill: Mill, rested: Rested) -> None:
    instance = await a_resting(mill)
    rested.keep(instance, None)
    assert await rested.take(instance.id) is not None
    assert await rested.take(instance.id) is None


async def test_what_it_had_seen_before_it_rested_needs_nobody(mill: Mill, rested: Rested) -> None:
    instance = await a_resting(mill)
    rested.keep(instance, None)
    assert rested.has_seen(instance.id, instance.version)
    assert not rested.has_seen(instance.id, instance.version + 1)
    assert not rested.has_seen(instance.id, 0)
    assert not rested.has_seen(new_id(), 1)


def test_only_the_last_that_rest_are_kept(rested: Rested) -> None:
    instances = [Instance(new_id()) for _ in range(KEPT_MAX + 2)]
    for instance in instances:
        instance.status, instance.version = "waiting", 5
    instances[-1].status = "completed"

    for instance in instances:
        rested.keep(instance, None)

    kept = [rested.has_seen(instance.id, 5) for instance in instances]
    assert kept == [False, *[True] * KEPT_MAX, False]
