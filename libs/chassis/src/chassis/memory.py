"""The event store in memory: the same promises as the one on Postgres, for tests and for trying things out."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chassis.group_commit import conflict_of
from chassis.ledger import Append, CommitListener, CommitListeners, Recorded


class MemoryEventStore:
    """A ledger that lives as long as the process."""

    def __init__(self) -> None:
        self._ledger: list[Recorded] = []
        self._streams: dict[UUID, list[Recorded]] = {}
        self._versions: dict[UUID, int] = {}
        self._listeners = CommitListeners()
        self._closed = False

    async def append(self, *appends: Append) -> int:
        """Record all of it as one fact; see `EventStore`."""
        if not appends:
            raise ValueError("append needs at least one Append")
        if self._closed:
            raise RuntimeError("the event store is closed; nothing was recorded")
        if conflict := conflict_of(appends, self._versions):
            raise conflict
        for append in appends:
            self._record(append)
        self._listeners.announce(len(self._ledger))
        return len(self._ledger)

    async def read(self, stream_id: UUID, after_version: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events in order, those after `after_version`."""
        end = None if limit is None else after_version + limit
        return self._streams.get(stream_id, [])[after_version:end]

    async def read_of(self, stream_id: UUID, topics: Iterable[str]) -> list[Recorded]:
        """The stream's events of these topics, in order."""
        wanted = frozenset(topics)
        return [found for found in self._streams.get(stream_id, []) if found.topic in wanted]

    async def read_many(
        self, streams: Sequence[tuple[UUID, int]], limit: int | None = None
    ) -> dict[tuple[UUID, int], list[Recorded]]:
        """For each (stream, version) what `read` gives, at most `limit` of each."""
        return {wanted: await self.read(*wanted, limit) for wanted in streams}

    async def read_after(self, position: int, limit: int) -> list[Recorded]:
        """The events after `position` in the order of the ledger, at most `limit`."""
        return self._ledger[position : position + limit]

    async def read_next(self, position: int, limit: int) -> list[Recorded]:
        """The events after `position`, as many as `read_after` gives."""
        return await self.read_after(position, limit)

    async def last_of(self, topics: Iterable[str], position: int) -> int:
        """The highest position up to `position` that holds an event of one of the topics; 0 when there is none."""
        wanted = frozenset(topics)
        return max((found.position for found in self._ledger[:position] if found.topic in wanted), default=0)

    async def head(self) -> int:
        """The highest position, 0 when the ledger is empty."""
        return len(self._ledger)

    def on_commit(self, listener: CommitListener) -> None:
        """Call `listener(head)` in the event loop after every commit of this store."""
        self._listeners.add(listener)

    async def close(self) -> None:
        """Refuse further appends; what was recorded stays readable."""
        self._closed = True

    def _record(self, append: Append) -> None:
        stream = self._streams.setdefault(append.stream_id, [])
        for new in append.events:
            position = len(self._ledger) + 1
            recorded = Recorded(
                position, append.stream_id, new.version, new.topic, new.state, new.event_id, new.metadata
            )
            stream.append(recorded)
            self._ledger.append(recorded)
