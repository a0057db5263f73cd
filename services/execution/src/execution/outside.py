"""Recording what reaches an instance from outside, fenced by its version, and letting its owner know."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from chassis.bus import Bus
from chassis.ledger import Append, VersionConflict
from contracts.instance_events import InstanceEvent
from contracts.refusal import Unavailable
from execution import nudges
from execution.domain import Instance
from execution.graph import CompiledGraph
from execution.pipeline import Pipeline
from execution.records import Records
from execution.worker import Worker

CONFLICTS_MAX = 50
"""A busy instance moves on while somebody else decides; so often it is read again."""

Decide = Callable[[Instance], Sequence[InstanceEvent]]
"""What is recorded, given the instance as it is; nothing where it came too late. May raise a `Refusal`."""


class Outside:
    """Appends to streams that others own. The relay makes a work message of each such fact; this only is quicker."""

    def __init__(self, bus: Bus, records: Records, pipeline: Pipeline, worker: Worker) -> None:
        """`worker` is asked to take up an instance that rests."""
        self.bus = bus
        self.records = records
        self.pipeline = pipeline
        self.worker = worker

    async def tell(
        self,
        instance_id: UUID,
        decide: Decide,
        also: Sequence[Append] = (),
        graph: CompiledGraph | None = None,
    ) -> Instance:
        """Record what `decide` says, and `also` with it; answers the instance with the new facts in it.

        With its `graph` the instance also knows what is ready and has not begun.

        `decide` is asked again when somebody else recorded something first. Raises `VersionConflict` when one of
        `also` was, and `Unavailable` when the instance changes too quickly.
        """
        for _ in range(CONFLICTS_MAX):
            instance = await self.records.load(instance_id, graph)
            events = decide(instance)
            if not events:
                return instance
            try:
                await self.records.append(events, also=tuple(also))
            except VersionConflict as conflict:
                if conflict.stream_id != instance_id:
                    raise
                await asyncio.sleep(0)
                continue
            owner = instance.worker_id
            for event in events:
                instance.apply(event)
            await self.pipeline.committed(events, instance)
            await self.let_know(instance, owner)
            return instance
        raise Unavailable("busy", "The instance changes too quickly right now; ask again.", retry_after_seconds=1.0)

    async def let_know(self, instance: Instance, owner: UUID | None) -> None:
        """Tell the worker that drives it to look; one that rests and has reason to go on is taken up here."""
        if owner is not None and not instance.ended:
            await nudges.send(self.bus, owner, instance.id)
        elif instance.stirred:
            self.worker.request(instance.id)
