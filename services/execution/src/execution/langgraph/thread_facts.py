"""LangGraph's threads in the ledger: their streams read, their new facts appended."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from chassis import clock, telemetry
from chassis.codec import Codec, encode_metadata
from chassis.ledger import Append, EventStore, VersionConflict
from contracts import checkpoint_events as facts
from contracts.checkpoint_events import CHECKPOINT_EVENTS, CheckpointEvent
from execution.langgraph.threads import Thread, thread_stream

MAX_TRIES = 20
"""How often a fact is decided anew because others wrote to the thread first."""
PAGE = 1_000
"""Facts read at once when the whole ledger is."""

CODEC = Codec(*CHECKPOINT_EVENTS)
TOPICS = frozenset(event_type.topic() for event_type in CHECKPOINT_EVENTS)

Decide = Callable[[Thread], Sequence[CheckpointEvent]]
"""What is to be recorded of a thread as it stands; nothing when it says so already."""


class Following(TypedDict):
    """The members that every fact of a thread has."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime
    thread_id: str


def following(thread: Thread) -> Following:
    """The place of a thread's next fact."""
    return Following(
        originator_id=thread.stream_id,
        originator_version=thread.version + 1,
        timestamp=clock.now(),
        thread_id=thread.id,
    )


class ThreadFacts:
    """Reads and appends the streams of threads."""

    def __init__(self, store: EventStore) -> None:
        """`store` is the execution service's ledger."""
        self._store = store
        self._written: dict[str, Thread] = {}

    async def read(self, thread_id: str) -> Thread:
        """The thread as committed; empty when there is none such."""
        return Thread.replay(thread_id, await self._history(thread_id))

    async def record(self, thread_id: str, decide: Decide) -> None:
        """Append what `decide` says of the thread; asked again when others wrote first.

        Facts are decided on top of those on their way to the ledger, so that tasks which write at once share a commit.
        """
        for attempt in range(1, MAX_TRIES + 1):
            thread = self._written.get(thread_id) or self._written.setdefault(thread_id, await self.read(thread_id))
            events = decide(thread)
            if not events:
                return
            for event in events:
                thread.apply(event)
            try:
                await self._store.append(_appended(thread, events))
                return
            except BaseException as error:
                if self._written.get(thread_id) is thread:
                    del self._written[thread_id]
                if not isinstance(error, VersionConflict) or attempt == MAX_TRIES:
                    raise

    async def copy(self, source: str, target: str) -> None:
        """Record everything that the source holds in the target too."""
        history = await self._history(source)
        ends = [at for at, event in enumerate(history, 1) if isinstance(event, facts.CheckpointThreadDeleted)]
        living = history[max(ends, default=0) :]
        await self.record(target, lambda thread: [_moved(event, thread, living[0]) for event in living])

    async def thread_ids(self) -> list[str]:
        """All threads, the oldest first. Reads the whole ledger: for a look at everything, not for a running graph."""
        found: dict[str, None] = {}
        position = 0
        while page := await self._store.read_after(position, PAGE):
            position = page[-1].position
            for recorded in page:
                if recorded.topic in TOPICS and isinstance(event := CODEC.decode(recorded), CheckpointEvent):
                    found[event.thread_id] = None
        return list(found)

    async def _history(self, thread_id: str) -> list[CheckpointEvent]:
        recorded = await self._store.read(thread_stream(thread_id))
        return [event for event in map(CODEC.decode, recorded) if isinstance(event, CheckpointEvent)]


def _appended(thread: Thread, events: Sequence[CheckpointEvent]) -> Append:
    metadata = encode_metadata(correlation_id=_cause(thread), traceparent=telemetry.current_traceparent())
    return Append(thread.stream_id, tuple(CODEC.encode(event, metadata) for event in events))


def _cause(thread: Thread) -> UUID:
    """The instance whose thread it is; a thread that is no instance's stands for itself."""
    try:
        return UUID(thread.id)
    except ValueError:
        return thread.stream_id


def _moved(event: CheckpointEvent, to: Thread, first: CheckpointEvent) -> CheckpointEvent:
    """The fact as one of another thread, whose next fact is what `first` was in its own."""
    shift = to.version + 1 - first.originator_version
    changed = {**following(to), "originator_version": event.originator_version + shift}
    if isinstance(event, facts.CheckpointSaved) and event.base is not None:
        changed["base"] = event.base + shift
    return event.model_copy(update=changed)
