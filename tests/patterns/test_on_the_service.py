"""The whole set of patterns once more on the real execution service: the same ways, told by its ledger."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.execution import CancelInstance, InstanceView
from contracts.steering import SignalBody, SignalInstance
from tests.patterns.paths import Expected, Stay, Step, differences, graph_of, label_of, names, ready_step, stays, ways
from tests.support.builders import ALICE
from tests.support.eventually import eventually
from tests.support.lent_databases import LentDatabases
from tests.support.mill import TABLES, Mill, milling

AT_ONCE = 8
"""Runs at the same time: enough to be quick, few enough for delays of some milliseconds to stay in their order."""
PATIENCE_SECONDS = 30.0


@pytest.fixture
async def mill(databases: LentDatabases, nats_url: str, namespace: str) -> AsyncIterator[Mill]:
    """The service as it is."""
    async with databases.lend(TABLES) as dsn, milling(dsn, nats_url, namespace) as at:
        yield at


async def test_every_pattern_takes_its_ways(mill: Mill) -> None:
    some = asyncio.Semaphore(AT_ONCE)
    every = [(name, way) for name in names() for way in ways(name)]
    told = await asyncio.gather(*(told_of(mill, some, name, way) for name, way in every))
    assert [line for lines in told for line in lines] == []


async def told_of(mill: Mill, some: asyncio.Semaphore, name: str, way: Expected) -> list[str]:
    """What one run did otherwise than is written down."""
    async with some:
        graph, config = graph_of(name)
        blueprint = await mill.know(graph, **config.model_dump(exclude_none=True))
        begun = await mill.execute(blueprint, way.input, wait=0)
        for number in range(len(way.steps)):
            await act(mill, begun.instance_id, way.steps[number])
        ended = await end_of(mill, begun.instance_id)
        found = await stays_of(mill, begun.instance_id)
    told = [*differences(way, found, timed=False)]
    if ended.status != way.status:
        told.append(f"ended as {ended.status}: {ended.error}")
    if way.output is not None and ended.output != way.output:
        told.append(f"answered {ended.output!r}")
    return [f"{name}, {way.title}: {line}" for line in told]


async def act(mill: Mill, instance_id: UUID, step: Step) -> None:
    """Do what somebody outside does, when its time has come."""

    async def has_come() -> bool:
        seen = stays(await mill.facts(instance_id))
        return ready_step((step,), 0, lambda: seen) is not None

    await eventually(has_come, PATIENCE_SECONDS)
    if step.signal is not None:
        body = SignalBody(name=step.signal, payload=step.payload)
        signal = SignalInstance(caller=ALICE, instance_id=instance_id, signal_id=new_id(), body=body)
        await mill.runtime.bus.ask_for(signal)
    if step.cancel:
        await mill.runtime.bus.ask_for(CancelInstance(caller=ALICE, instance_id=instance_id))


async def end_of(mill: Mill, instance_id: UUID) -> InstanceView:
    """The instance, once it has ended."""

    async def ended() -> bool:
        return any(isinstance(event, facts.InstanceEnded) for event in await mill.facts(instance_id))

    await eventually(ended, PATIENCE_SECONDS)
    return await mill.instance(instance_id)


async def stays_of(mill: Mill, instance_id: UUID, prefix: str = "") -> dict[str, Stay]:
    """The visits of an instance and of those that it started."""
    history = await mill.facts(instance_id)
    found = stays(history, prefix)
    for event in history:
        if isinstance(event, facts.ChildStarted):
            found |= await stays_of(mill, event.child_id, f"{label_of(event, prefix)}>")
    return found
