"""Which appends share a transaction, and which of them lose: decided here, written elsewhere."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.ledger import Append, VersionConflict

MAX_CALLS = 128
"""Appends that share one transaction."""
MAX_BYTES = 4 * 1024 * 1024
"""Payload and metadata of one transaction, unless a single append is larger by itself."""

Call = tuple[Append, ...]
"""What one caller wants recorded as one fact."""

Outcome = int | VersionConflict
"""The ledger position of a call's last event, or why it was not recorded."""


@dataclass(slots=True)
class Pending:
    """A call and the future that its caller awaits."""

    call: Call
    future: asyncio.Future[int]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        """Weigh the call once, in bytes."""
        size = 0
        for append in self.call:
            for event in append.events:
                size += len(event.state) + len(event.metadata or b"")
        self.size = size

    def settle(self, outcome: Outcome | Exception) -> None:
        """Tell the caller, unless it went away."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


def next_batch(queue: deque[Pending]) -> list[Pending]:
    """Take from the queue, in order, what fits into one transaction; calls whose caller went away are left out."""
    batch: list[Pending] = []
    size = 0
    while queue and len(batch) < MAX_CALLS:
        if queue[0].future.done():
            queue.popleft()
            continue
        size += queue[0].size
        if batch and size > MAX_BYTES:
            break
        batch.append(queue.popleft())
    return batch


def expected_versions(calls: Iterable[Call]) -> dict[UUID, int]:
    """For every stream that the calls touch, the version which the first of them expects."""
    versions: dict[UUID, int] = {}
    for call in calls:
        for append in call:
            versions.setdefault(append.stream_id, append.expected_version)
    return versions


def conflict_of(call: Call, versions: dict[UUID, int]) -> VersionConflict | None:
    """Why the call cannot follow on the streams' `versions` (0 where absent); moves these forward when it can."""
    moved: dict[UUID, int] = {}
    for append in call:
        stream_id = append.stream_id
        if moved.get(stream_id, versions.get(stream_id, 0)) != append.expected_version:
            return VersionConflict(stream_id, append.expected_version)
        moved[stream_id] = append.events[-1].version
    versions.update(moved)
    return None


def agree(calls: Sequence[Call]) -> bool:
    """Whether no call contradicts another one, so that all may be tried in one statement."""
    versions = expected_versions(calls)
    return all(conflict_of(call, versions) is None for call in calls)
