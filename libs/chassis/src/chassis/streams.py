"""Aggregates in their streams: load one, let it decide, record what it decided."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar, cast
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.codec import Codec
from chassis.ledger import Append, EventStore, VersionConflict
from contracts.message import Event
from contracts.refusal import Conflict, Missing

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")

CHANGE_ATTEMPTS = 3
"""How often `change` decides again after somebody else wrote to the stream first."""


class Streams(Generic[A]):
    """The streams of one kind of aggregate in one event store."""

    def __init__(self, store: EventStore, aggregate_type: type[A], name: str | None = None) -> None:
        """`name` is what refusals call it (`api_key`); without one, the class's own in small letters."""
        self._store = store
        self._type = aggregate_type
        self._codec = Codec(*aggregate_type.event_types())
        self._name = name or aggregate_type.__name__.lower()
        self._spoken = self._name.replace("_", " ")

    async def get(self, id: UUID) -> A:
        """The aggregate as it is now; raises `Missing` when there is no such stream."""
        aggregate = await self.find(id)
        if aggregate is None:
            raise Missing(f"{self._name}_not_found", f"There is no {self._spoken} {id}.")
        return aggregate

    async def find(self, id: UUID) -> A | None:
        """The aggregate as it is now; None when there is no such stream."""
        recorded = await self._store.read(id)
        aggregate = self._type.replay(self._codec.decode(found) for found in recorded)
        if aggregate is not None:
            aggregate.position = recorded[-1].position
        return aggregate

    async def get_with_position(self, id: UUID) -> tuple[A, int]:
        """The aggregate, and the ledger position of its last event."""
        aggregate = await self.get(id)
        return aggregate, aggregate.position

    async def add(self, aggregate: A, metadata: bytes | None = None) -> int:
        """Record a new aggregate; answers the ledger position of its last event. `Conflict` when the id is taken."""
        try:
            return await self.record(aggregate, metadata=metadata)
        except VersionConflict as conflict:
            raise Conflict(f"{self._name}_exists", f"There is a {self._spoken} {aggregate.id} already.") from conflict

    @asynccontextmanager
    async def changing(self, id: UUID, metadata: bytes | None = None) -> AsyncIterator[A]:
        """The aggregate for commands; what they decide is recorded when the block ends without an exception.

        Raises `Conflict` (`changed_meanwhile`) when somebody else wrote to the stream first. After the block
        `aggregate.position` is the ledger position of its last event.
        """
        aggregate = await self.get(id)
        yield aggregate
        try:
            await self.record(aggregate, metadata=metadata)
        except VersionConflict as conflict:
            raise self._changed_meanwhile(id) from conflict

    async def change(self, id: UUID, decide: Callable[[A], T], metadata: bytes | None = None) -> tuple[T, int]:
        """Like `changing`, for a decision that may be made again: `decide(aggregate)` runs anew after a conflict.

        Answers what it returned, and the ledger position of the aggregate's last event.
        """
        for _ in range(CHANGE_ATTEMPTS):
            aggregate = await self.get(id)
            answer = decide(aggregate)
            try:
                return answer, await self.record(aggregate, metadata=metadata)
            except VersionConflict:
                continue
        raise self._changed_meanwhile(id)

    async def settle(self, id: UUID, decide: Callable[[A | None], A], metadata: bytes | None = None) -> A:
        """Like `change`, where the decision may also begin the aggregate: it hears None when there is none yet."""
        for _ in range(CHANGE_ATTEMPTS):
            aggregate = decide(await self.find(id))
            try:
                await self.record(aggregate, metadata=metadata)
            except VersionConflict:
                continue
            return aggregate
        raise self._changed_meanwhile(id)

    async def record(self, *aggregates: Aggregate, metadata: bytes | None = None) -> int:
        """Record what the aggregates decided as one fact, or raise `VersionConflict`.

        Answers the ledger position that the fact reaches to, and sets it as `position` of each aggregate that changed.
        """
        decided = [(aggregate, aggregate.collect_events()) for aggregate in aggregates]
        changed = [(aggregate, events) for aggregate, events in decided if events]
        if changed:
            position = await self._store.append(
                *(self._append(cast("Sequence[Event]", events), metadata) for _, events in changed)
            )
            for aggregate, _ in changed:
                aggregate.position = position
        return max(aggregate.position for aggregate in aggregates)

    def _append(self, events: Sequence[Event], metadata: bytes | None) -> Append:
        return Append(events[0].originator_id, tuple(self._codec.encode(event, metadata) for event in events))

    def _changed_meanwhile(self, id: UUID) -> Conflict:
        return Conflict(
            "changed_meanwhile", f"Somebody else changed {self._spoken} {id} at the same time: read it and try again."
        )
