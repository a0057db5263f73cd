"""Recording what reaches an instance from outside, fenced by its version, and letting its owner know."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakValueDictionary

from chassis.bus import Bus
from chassis.ledger import Append, VersionConflict
from contracts.instance_events import InstanceEvent
from contracts.refusal import Refusal, Unavailable
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.driving import nudges
from execution.driving.records import Records
from execution.driving.worker import Worker
from execution.middleware.contract import Decide
from execution.pipeline import Pipeline
from execution.steering.pauses import pause_before

CONFLICTS_MAX = 50
"""A busy instance moves on while somebody else decides; so often it is read again."""


@dataclass(eq=False, slots=True)
class Telling:
    """One who has something to tell an instance, and what came of it."""

    decide: Decide
    also: tuple[Append, ...] = ()
    refusal: Refusal | None = None
    instance: Instance | None = None
    """As it is once it was told; None until then."""


@dataclass(eq=False)
class Queue:
    """Those who want to tell one instance something at the same time: one of them does it for all."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[Telling] = field(default_factory=list)


class Outside:
    """Appends to streams that others own. The relay makes a work message of each such fact; this only is quicker."""

    def __init__(self, bus: Bus, records: Records, pipeline: Pipeline, worker: Worker) -> None:
        """`worker` is asked to take up an instance that rests."""
        self.bus = bus
        self.records = records
        self.pipeline = pipeline
        self.worker = worker
        self.queues: WeakValueDictionary[UUID, Queue] = WeakValueDictionary()

    async def tell(
        self,
        instance_id: UUID,
        decide: Decide,
        also: Sequence[Append] = (),
        graph: CompiledGraph | None = None,
    ) -> Instance:
        """Record what `decide` says, and `also` with it; answers the instance with the new facts in it.

        With its `graph` the instance also knows what is ready and has not begun. Many who tell an instance something
        at the same time are recorded together, so that they do not get into each other's way.

        `decide` is asked again when somebody else recorded something first. Raises `VersionConflict` when one of
        `also` was, and `Unavailable` when the instance changes too quickly.
        """
        telling = Telling(decide, tuple(also))
        if also or graph is not None:
            await self.record(instance_id, [telling], graph)
        else:
            queue = self.queues.setdefault(instance_id, Queue())
            queue.waiting.append(telling)
            async with queue.turn:
                if telling in queue.waiting:
                    await self.record_all(instance_id, queue, telling)
        if telling.refusal is not None:
            raise telling.refusal
        if telling.instance is None:
            raise Unavailable("busy", "The instance changes too quickly right now; ask again.", retry_after_seconds=1.0)
        return telling.instance

    async def record_all(self, instance_id: UUID, queue: Queue, speaker: Telling) -> None:
        """Record what everybody says who waits by now; when that fails, the others try for themselves."""
        together, queue.waiting = queue.waiting, []
        try:
            await self.record(instance_id, together)
        except BaseException:
            queue.waiting[:0] = [other for other in together if other is not speaker and other.instance is None]
            raise

    async def record(self, instance_id: UUID, together: list[Telling], graph: CompiledGraph | None = None) -> None:
        """Record what they decide, one after the other, in one append."""
        also = tuple(append for telling in together for append in telling.also)
        for attempt in range(CONFLICTS_MAX):
            instance = await self.records.load(instance_id, graph)
            owner = instance.worker_id
            events = [event for telling in together for event in decided(telling, instance)]
            try:
                if events:
                    await self.records.append(events, also=also)
            except VersionConflict as conflict:
                if conflict.stream_id != instance_id:
                    raise
                await asyncio.sleep(pause_before(attempt))
                continue
            for telling in together:
                telling.instance = instance
            if events:
                await self.pipeline.committed(events, instance)
                await self.let_know(instance, owner)
            return

    async def let_know(self, instance: Instance, owner: UUID | None) -> None:
        """Tell the worker that drives it to look; one that rests and has reason to go on is taken up here."""
        if owner is not None and not instance.ended:
            await nudges.send(self.bus, owner, instance.id)
        elif instance.stirred:
            self.worker.request(instance.id)


def decided(telling: Telling, instance: Instance) -> Sequence[InstanceEvent]:
    """What one of them says, folded into the instance for the next; nothing when it is refused."""
    telling.refusal = None
    try:
        events = telling.decide(instance)
    except Refusal as refusal:
        telling.refusal = refusal
        return ()
    for event in events:
        instance.apply(event)
    return events
