"""The audit trail on its way to access: gathered for a moment, sent in batches, repeated until it is answered."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from prometheus_client import Counter, Gauge
from pydantic import ValidationError

from chassis import telemetry
from chassis.bus import Bus
from chassis.cancelling import cancel
from chassis.ids import new_id
from chassis.logs import get_logger
from chassis.pace import Pace
from contracts.audit import AuditEntry, RecordAudit
from contracts.refusal import Failed, Refusal, TooMany, Unavailable
from gateway.principals import GATEWAY

FIRST_GATHER_SECONDS, LAST_GATHER_SECONDS = 0.05, 0.2
"""From one batch to the next while entries keep coming; the first after a rest goes at once."""
BATCH_ENTRIES = 500
QUEUE_ENTRIES_MAX = 20_000
"""When so many wait, nobody listens: what would have to be written down is refused."""
ASK_SECONDS = 5.0
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.1, 2.0
"""Between tries; each pause is twice as long as the one before, up to the second."""
WRITE_PATIENCE_SECONDS = 5.0
"""So long an answer waits for its entry to be written, where it must be; afterwards the entry follows the answer."""
FLUSH_SECONDS = 3.0
"""What a process that ends gives the queue: its supervisor has patience for four seconds."""
RETRY_AFTER_SECONDS = 2.0

WAITING = Gauge("headrace_audit_waiting", "Audit entries that access has not recorded yet", registry=telemetry.REGISTRY)
LOST = Counter("headrace_audit_lost", "Audit entries that were never recorded", ["why"], registry=telemetry.REGISTRY)

log = get_logger(__name__)


class Seen(NamedTuple):
    """What becomes an `AuditEntry` when it is sent: beside the request that it tells of, only this is put together."""

    at: datetime
    user_id: str | None
    address: str
    action: str
    target: str | None
    status: int
    refusal: str | None
    key_id: UUID | None


@dataclass(slots=True)
class Queued:
    """An entry, and what happens once it is written."""

    entry: Seen
    written: Callable[[], None] | None = None


class Auditor:
    """Keeps what was seen until access has it. One batch is under way at a time, so the trail keeps its order."""

    def __init__(self, bus: Bus) -> None:
        """Nothing is sent before it is entered."""
        self._bus = bus
        self._queue: deque[Queued] = deque()
        self._filled = asyncio.Event()
        self._urgent = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sending: Sequence[Queued] = ()
        self._task: asyncio.Task[None] | None = None
        WAITING.set_function(lambda: self.waiting)

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="audit")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is left, for at most 3 s."""
        self._urgent.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), FLUSH_SECONDS)
        if self.waiting:
            LOST.labels("stopped").inc(self.waiting)
            log.critical("audit.lost", entries=self.waiting, why="access did not answer before the process ended")
        if self._task is not None:
            await cancel(self._task)

    @property
    def waiting(self) -> int:
        """How many entries access has not recorded yet."""
        return len(self._queue) + len(self._sending)

    def must_have_room(self) -> None:
        """Raises `Unavailable` when what is about to be done could not be written down."""
        if self.waiting >= QUEUE_ENTRIES_MAX:
            raise Unavailable(
                "audit_behind",
                "What is done here is written down, and nobody takes it right now; nothing was done, try again.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )

    def write(self, entry: Seen) -> None:
        """Have it recorded soon. What was refused anyway is let go of when there is no room."""
        if entry.refusal is not None and self.waiting >= QUEUE_ENTRIES_MAX:
            LOST.labels("full").inc()
            return
        self._enqueue(Queued(entry))

    async def write_through(self, entry: Seen) -> None:
        """Have it recorded now; returns when it is, or after 5 s, when it will be."""
        written = asyncio.Event()
        self._enqueue(Queued(entry, written.set))
        self._urgent.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(written.wait(), WRITE_PATIENCE_SECONDS)

    def _enqueue(self, queued: Queued) -> None:
        self._queue.append(queued)
        self._filled.set()
        self._empty.clear()

    async def _run(self) -> None:
        pace = Pace(FIRST_GATHER_SECONDS, LAST_GATHER_SECONDS)
        while True:
            await self._filled.wait()
            if len(self._queue) < BATCH_ENTRIES:
                await pace.keep(self._urgent)
            self._urgent.clear()
            self._sending = [self._queue.popleft() for _ in range(min(BATCH_ENTRIES, len(self._queue)))]
            if not self._queue:
                self._filled.clear()
            await self._deliver(self._sending)
            self._sending = ()
            if not self._queue:
                self._empty.set()

    async def _deliver(self, batch: Sequence[Queued]) -> None:
        """Returns when access has the batch, whole; what it will never take is told to the log."""
        try:
            await self._until_answered(new_id(), batch)
        except (Refusal, ValidationError) as refusal:
            if len(batch) > 1:
                for part in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    await self._deliver(part)
                return
            LOST.labels("refused").inc()
            log.critical("audit.refused", reason=str(refusal), action=batch[0].entry.action)
        for queued in batch:
            if queued.written is not None:
                queued.written()

    async def _until_answered(self, batch_id: UUID, batch: Sequence[Queued]) -> None:
        command = RecordAudit(caller=GATEWAY, batch_id=batch_id, entries=tuple(map(_entry, batch)))
        pause = PAUSE_SECONDS
        while True:
            try:
                await self._bus.ask(command, ASK_SECONDS)
                return
            except (Unavailable, Failed, TooMany) as passing:
                log.warning("audit.waits", entries=self.waiting, code=passing.code)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)


def _entry(queued: Queued) -> AuditEntry:
    return AuditEntry(**queued.entry._asdict())
