"""Instances in the ledger: their history read, their new facts appended."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import cast
from uuid import UUID

from chassis import telemetry
from chassis.codec import Codec, encode_metadata
from chassis.ledger import Append, EventStore, Recorded
from chassis.together import Together
from contracts.instance_events import INSTANCE_EVENTS, InstanceEvent, InstanceRequested, WaitStarted
from contracts.refusal import Missing
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance

CODEC = Codec(*INSTANCE_EVENTS)
FIRST_PAGE = 100
"""Facts of each instance that are read for all who are looked at in the same moment: few runs have more."""
PAGE = 1_000
"""Facts read and folded at once, so that a run with a long history holds up no other one."""

GraphOf = Callable[[InstanceRequested], Awaitable[CompiledGraph | None]]


class Records:
    """Reads and appends the streams of instances."""

    def __init__(self, store: EventStore) -> None:
        """`store` is the execution service's ledger."""
        self.store = store
        self._first_pages = Together(self._read_first_pages)

    async def history(self, instance_id: UUID, after_version: int = 0, limit: int | None = None) -> list[InstanceEvent]:
        """The facts of one instance in order, at most `limit`; empty when there is none such."""
        found = await self.store.read(instance_id, after_version, limit)
        _refuse_archived(found, after_version)
        return _decoded(found)

    async def request(self, instance_id: UUID) -> InstanceRequested | None:
        """The first fact of an instance, which says whose it is; None when there is none such.

        Asked before anything else is read for a caller: so a refusal costs the same whether there is one or not.
        """
        first = await self.history(instance_id, limit=1)
        return first[0] if first and isinstance(first[0], InstanceRequested) else None

    async def waits_begun(self, instance_id: UUID) -> list[InstanceEvent]:
        """Whatever the instance has ever waited for; empty when there is none such."""
        return _decoded(await self.store.read_of(instance_id, [WaitStarted.topic()]))

    async def load(self, instance_id: UUID, graph: CompiledGraph | None = None) -> Instance:
        """The instance as recorded; its version is 0 when there is none such."""
        instance = Instance(instance_id, graph)
        async for page in self._pages(instance_id):
            for event in _decoded(page):
                instance.apply(event)
        return instance

    async def traced(self, instance_id: UUID, graph_of: GraphOf) -> tuple[Instance, str | None]:
        """The instance with its graph as `graph_of` finds it, and the trace of the request that began it."""
        instance, traceparent = None, None
        async for page in self._pages(instance_id):
            events = _decoded(page)
            if instance is None:
                first = events[0]
                graph = await graph_of(first) if isinstance(first, InstanceRequested) else None
                instance = Instance(instance_id, graph)
                traceparent = telemetry.extract_from_metadata(page[0].metadata)
            for event in events:
                instance.apply(event)
        return instance or Instance(instance_id), traceparent

    async def _pages(self, instance_id: UUID) -> AsyncIterator[Sequence[Recorded]]:
        page, limit, after = await self._first_pages.get(instance_id), FIRST_PAGE, 0
        while page:
            _refuse_archived(page, after)
            yield page
            if len(page) < limit:
                return
            after = page[-1].version
            page, limit = await self.store.read(instance_id, after, PAGE), PAGE

    async def _read_first_pages(self, instance_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Recorded]]:
        found = await self.store.read_many([(instance_id, 0) for instance_id in instance_ids], FIRST_PAGE)
        return {instance_id: page for (instance_id, _), page in found.items()}

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


def _refuse_archived(page: Sequence[Recorded], after: int) -> None:
    """Versions have no holes but where facts were archived: what is left must not be taken for the whole story."""
    if page and page[-1].version - after != len(page):
        raise Missing(
            "history_archived",
            f"The history of instance {page[0].stream_id} is archived: "
            f"`headrace archive restore --instance {page[0].stream_id}` brings it back.",
        )


def _decoded(recorded: Sequence[Recorded]) -> list[InstanceEvent]:
    # The codec reads nothing else.
    return cast("list[InstanceEvent]", [CODEC.decode(found) for found in recorded])
