"""What the ledger holds and what every event store promises, whatever it is made of."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

log = logging.getLogger(__name__)


class NewEvent(NamedTuple):
    """A fact about to be recorded: `state` is its payload as JSON, `metadata` where it came from."""

    event_id: UUID
    version: int
    topic: str
    state: bytes
    metadata: bytes | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Events that go on at the end of one stream. Versions are contiguous and begin at 1 or later.

    The version before the first is the one the writer has seen, hence the one the stream must have.
    """

    stream_id: UUID
    events: tuple[NewEvent, ...]

    def __post_init__(self) -> None:
        """Refuse what no store could record: nothing at all, or versions with a hole."""
        versions = [event.version for event in self.events]
        first = versions[0] if versions else 0
        if first < 1 or versions != list(range(first, first + len(versions))):
            raise ValueError(f"an append needs contiguous versions from 1 on, stream {self.stream_id} got {versions}")

    @property
    def expected_version(self) -> int:
        """The version that the stream must have for this append to be recorded; 0 for a new stream."""
        return self.events[0].version - 1


class Recorded(NamedTuple):
    """A fact in the ledger. `position` grows in the order of commits and has gaps."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes
    event_id: UUID
    metadata: bytes | None = None


class VersionConflict(Exception):
    """Somebody else wrote to the stream first. Nothing of the call was recorded: read the stream and decide again."""

    def __init__(self, stream_id: UUID, expected_version: int) -> None:
        """`expected_version` is what the writer believed the stream's version to be."""
        super().__init__(f"stream {stream_id} is not at version {expected_version} any more; read it again and decide")
        self.stream_id = stream_id
        self.expected_version = expected_version


CommitListener = Callable[[int], None]


class CommitListeners:
    """Those who want to know of commits. One that fails is logged, no more: the commit stands."""

    def __init__(self) -> None:
        self._listeners: list[CommitListener] = []

    def add(self, listener: CommitListener) -> None:
        """From now on, call `listener(head)` after every commit."""
        self._listeners.append(listener)

    def announce(self, head: int) -> None:
        """Tell everybody that the ledger now reaches to `head`."""
        for listener in self._listeners:
            try:
                listener(head)
            except Exception:
                log.exception("a listener to the ledger's commits failed; the commit stands")


class EventStore(Protocol):
    """Append, and read by stream or by ledger order. A position that was read never gains a predecessor."""

    async def append(self, *appends: Append) -> int:
        """Record all of it as one fact, or nothing; answers the ledger position of the last event.

        Raises `VersionConflict` when one of the streams is not where its append expects it to be.
        """
        ...

    async def read(self, stream_id: UUID, after_version: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events in order, those after `after_version`; at most `limit` where given."""
        ...

    async def read_of(self, stream_id: UUID, topics: Iterable[str]) -> list[Recorded]:
        """The stream's events of these topics, in order."""
        ...

    async def read_many(
        self, streams: Sequence[tuple[UUID, int]], limit: int | None = None
    ) -> dict[tuple[UUID, int], list[Recorded]]:
        """For each (stream, version) what `read` gives, at most `limit` of each."""
        ...

    async def read_after(self, position: int, limit: int) -> list[Recorded]:
        """The events after `position` in the order of the ledger, at most `limit`."""
        ...

    async def read_next(self, position: int, limit: int) -> list[Recorded]:
        """Some of what `read_after` would give, at least the first of it: for those who come again for the rest."""
        ...

    async def last_of(self, topics: Iterable[str], position: int) -> int:
        """The highest position up to `position` that holds an event of one of the topics; 0 when there is none."""
        ...

    async def head(self) -> int:
        """The highest position, 0 when the ledger is empty."""
        ...

    def on_commit(self, listener: CommitListener) -> None:
        """Call `listener(head)` in the event loop after every commit of this store."""
        ...

    async def close(self) -> None:
        """Record what was already handed over, then refuse further appends."""
        ...
