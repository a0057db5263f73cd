"""Instances in the ledger: their history read, their new facts appended."""

from collections.abc import Sequence
from uuid import UUID

from chassis import telemetry
from chassis.codec import Codec, encode_metadata
from chassis.ledger import Append, EventStore, Recorded
from contracts.instance_events import INSTANCE_EVENTS, InstanceEvent
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance

CODEC = Codec(*INSTANCE_EVENTS)


class Records:
    """Reads and appends the streams of instances."""

    def __init__(self, store: EventStore) -> None:
        """`store` is the execution service's ledger."""
        self.store = store

    async def history(self, instance_id: UUID, after_version: int = 0, limit: int | None = None) -> list[InstanceEvent]:
        """The facts of one instance in order, at most `limit`; empty when there is none such."""
        return _decoded(await self.store.read(instance_id, after_version, limit))

    async def traced_history(self, instance_id: UUID) -> tuple[list[InstanceEvent], str | None]:
        """All facts of one instance, and the trace (`traceparent`) of the request that began it."""
        recorded = await self.store.read(instance_id)
        traceparent = telemetry.extract_from_metadata(recorded[0].metadata) if recorded else None
        return _decoded(recorded), traceparent

    async def load(self, instance_id: UUID, graph: CompiledGraph | None = None) -> Instance:
        """The instance as recorded; its version is 0 when there is none such."""
        return Instance.replay(instance_id, await self.history(instance_id), graph)

    async def append(
        self, events: Sequence[InstanceEvent], traceparent: str | None = None, also: tuple[Append, ...] = ()
    ) -> int:
        """Record the facts of one instance, and `also` in the same breath; raises `VersionConflict`.

        They belong to the trace of `traceparent`, else to the running task's.
        """
        return await self.store.append(appended(events, traceparent), *also)


def appended(events: Sequence[InstanceEvent], traceparent: str | None = None) -> Append:
    """New facts of one stream, ready for the ledger; the instance's id correlates everything it causes."""
    stream_id = events[0].originator_id
    trace = traceparent or telemetry.current_traceparent()
    metadata = encode_metadata(correlation_id=stream_id, traceparent=trace)
    return Append(stream_id, tuple(CODEC.encode(event, metadata) for event in events))


def beside(events: Sequence[InstanceEvent]) -> tuple[Append, ...]:
    """New facts of whichever streams they belong to, ready to be recorded together with an instance's."""
    streams: dict[UUID, list[InstanceEvent]] = {}
    for event in events:
        streams.setdefault(event.originator_id, []).append(event)
    return tuple(appended(found) for found in streams.values())


def _decoded(recorded: Sequence[Recorded]) -> list[InstanceEvent]:
    return [event for event in map(CODEC.decode, recorded) if isinstance(event, InstanceEvent)]
