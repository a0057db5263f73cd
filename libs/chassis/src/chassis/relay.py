"""Publishes what was recorded: every event of a ledger, in its order, once, to the service's own stream."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import asyncpg
from nats.js.api import StreamInfo

from chassis import provision, telemetry
from chassis.bus import Bus
from chassis.clock import monotonic
from chassis.commits import Commits, LedgerEnd
from chassis.envelope import HEADER_BYTES, MESSAGE_ID, MILESTONE, OVERSIZE, POSITION, headers_of
from chassis.leadership import Lead, Leadership
from chassis.ledger import EventStore, Recorded
from chassis.logs import get_logger
from chassis.pace import WORTHWHILE, Pace
from chassis.progress import Progress
from chassis.publishing import (
    EXPECTED_LAST_ID,
    WRONG_LAST_ID,
    WRONG_LAST_SEQUENCE,
    NotPublished,
    Outgoing,
    Publisher,
    Stored,
)
from chassis.stream_end import last_fact
from contracts.milestones import milestone_topics

BATCH = 500
"""Events read and published at once."""
CHAIN_MESSAGES = 256
CHAIN_BYTES = 1024 * 1024
"""What may be under way before an acknowledgement is waited for, unless a single message is larger by itself."""
RETRY_SECONDS = 0.5
"""After a refused publish, and before a lost leadership is sought again."""
FIRST_PACE_SECONDS, LAST_PACE_SECONDS = 0.005, 0.05
"""From one batch to the next while facts flow: two facts are hardly held up, a stream of them is gathered."""
REMEMBER_SECONDS = 1.0
"""How often the position is written to its table while events flow."""

POSITION_OF = "SELECT position, incarnation FROM relay WHERE stream = $1"
REMEMBER = """
INSERT INTO relay (stream, position, incarnation) VALUES ($1, $2, $3)
ON CONFLICT (stream) DO UPDATE SET position = $2, incarnation = $3, updated_at = now()
"""

log = get_logger(__name__)
WorkFor = Callable[[Recorded], tuple[str, bytes, dict[str, str]] | None]


@dataclass(frozen=True, slots=True)
class Outbox:
    """Whose ledger is published.

    `work_for` names the events that also put a message on the work stream: its kind (`start`, `wake`), payload and
    headers; it travels on `<ns>.work.<kind>.<aggregate id>`. It is stored before the event is published, so an event
    seen on the bus has its work message, whoever crashes when.
    """

    service: str
    store: EventStore
    commits: Commits
    work_for: WorkFor | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where the ledger is published, and the last sequence of the stream that this is true for."""

    position: int
    sequence: int
    incarnation: str
    milestone: int = 0
    """The position of the last milestone up to there."""


class Interrupted(Exception):
    """A batch was not published completely; `position` is how far its beginning came, 0 when nothing of it did."""

    def __init__(self, position: int, reason: NotPublished) -> None:
        """`reason` is what became of the first message that failed."""
        super().__init__(str(reason))
        self.position = position
        self.reason = reason


class Relay:
    """One per service over all processes; the stream's last message says where to go on.

    Every message is accepted only behind the one before it (`Nats-Expected-Last-Sequence`), so a relay that lost its
    leadership without knowing cannot publish out of turn: it is refused, looks again, and finds that it lost. In a
    batch the id of the one before is expected too: a stranger's message that came between takes no fact's place.
    """

    def __init__(self, bus: Bus, outbox: Outbox, pool: asyncpg.Pool) -> None:
        """`pool` sees the schema with the `relay` table; leading takes one of its connections."""
        self._bus = bus
        self._outbox = outbox
        self._stream = bus.stream(outbox.service)
        self._milestones = milestone_topics(outbox.service)
        self._leadership = Leadership(pool, "relay", self._stream)
        self._remembered = (-1, 0.0)
        self._doubtful = True
        self.leading = False
        """Whether this process publishes."""
        self._progress = Progress()

    @property
    def position(self) -> int:
        """The last position this process has published or found published."""
        return self._progress.position

    @property
    def lag(self) -> int:
        """How many positions of the ledger this process knows of and has not published."""
        return max(0, self._outbox.commits.highest - self.position)

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Whether this process publishes up to `position` within `timeout` seconds."""
        return await self._progress.beyond(position - 1, timeout)

    async def run(self) -> None:
        """Publish whenever this process leads, until cancelled."""
        while True:
            try:
                async with self._leadership.held() as lead, Publisher(self._bus) as publisher:
                    log.info("relay.leading", stream=self._stream)
                    self.leading = self._doubtful = True
                    await self._lead(lead, publisher)
            except Exception as error:  # noqa: BLE001 - whatever it is, the relay tries again
                log.warning("relay.interrupted", stream=self._stream, error=repr(error))
            finally:
                self.leading = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _lead(self, lead: Lead, publisher: Publisher) -> None:
        cursor = await self._resume(lead.connection)
        end = LedgerEnd(self._outbox.commits)
        pace = Pace(FIRST_PACE_SECONDS, LAST_PACE_SECONDS)
        while True:
            await end.passed(cursor.position)
            await pace.keep()
            batch = await self._outbox.store.read_next(cursor.position, BATCH)
            end.read(batch, BATCH)
            if len(batch) >= WORTHWHILE:
                pace.skip()
            try:
                cursor = await self._publish(publisher, batch, cursor) if batch else cursor
            except Interrupted as interrupted:
                await self._wait_out(interrupted)
                known = replace(cursor, position=max(cursor.position, interrupted.position))
                cursor = await self._resume(lead.connection, known)
                end = LedgerEnd(self._outbox.commits)
            self._show(cursor)
            await lead.confirm()
            await self._remember(lead.connection, cursor, idle=not batch)

    async def _publish(self, publisher: Publisher, batch: Sequence[Recorded], cursor: Cursor) -> Cursor:
        await self._publish_work(publisher, batch)
        publish = self._publish_one_by_one if self._doubtful else self._publish_as_chain
        # Until it has gone well, nobody knows how much of the batch is stored.
        self._doubtful = True
        cursor = await publish(publisher, batch, cursor)
        self._doubtful = False
        telemetry.PUBLISHED.labels(self._outbox.service).inc(len(batch))
        return cursor

    async def _publish_as_chain(self, publisher: Publisher, batch: Sequence[Recorded], cursor: Cursor) -> Cursor:
        """One acknowledgement for many: each message expects the one before, so the last one stored says all are."""
        for chain in chains(self._messages(batch, cursor)):
            outcome = await publisher.send_chain(chain)
            if isinstance(outcome, NotPublished):
                raise Interrupted(0, outcome)
        return replace(
            cursor,
            position=batch[-1].position,
            sequence=cursor.sequence + len(batch),
            milestone=self._last_milestone(batch, cursor),
        )

    async def _publish_one_by_one(self, publisher: Publisher, batch: Sequence[Recorded], cursor: Cursor) -> Cursor:
        """An acknowledgement for each: what is a duplicate does not lengthen the stream."""
        began = cursor.position
        outcomes = await publisher.send_all(self._messages(batch, cursor))
        for recorded, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, NotPublished):
                raise Interrupted(cursor.position if cursor.position > began else 0, outcome)
            cursor = replace(_after(cursor, recorded, outcome), milestone=self._last_milestone([recorded], cursor))
        return cursor

    def _last_milestone(self, batch: Sequence[Recorded], cursor: Cursor) -> int:
        reached = (recorded.position for recorded in reversed(batch) if recorded.topic in self._milestones)
        return next(reached, cursor.milestone)

    async def _publish_work(self, publisher: Publisher, batch: Sequence[Recorded]) -> None:
        if (work_for := self._outbox.work_for) is None:
            return
        messages = [
            Outgoing(
                self._bus.subject("work", kind, str(recorded.stream_id)),
                payload,
                {MESSAGE_ID: str(recorded.event_id), **headers},
            )
            for recorded in batch
            if (work := work_for(recorded))
            for kind, payload, headers in [work]
        ]
        for outcome in await publisher.send_all(messages):
            if isinstance(outcome, NotPublished):
                raise Interrupted(0, outcome)

    def _messages(self, batch: Sequence[Recorded], cursor: Cursor) -> list[Outgoing]:
        messages: list[Outgoing] = []
        previous, milestone = cursor.position, cursor.milestone
        for recorded in batch:
            headers = headers_of(recorded, self._outbox.service, previous)
            if self._milestones:
                headers[MILESTONE] = str(milestone)
            if messages:
                # A stranger's message may take the expected sequence, but not the expected id.
                headers[EXPECTED_LAST_ID] = messages[-1].headers[MESSAGE_ID]
            messages.append(self._message(recorded, headers, cursor.sequence + len(messages)))
            previous = recorded.position
            milestone = previous if recorded.topic in self._milestones else milestone
        return messages

    def _message(self, recorded: Recorded, headers: dict[str, str], after: int) -> Outgoing:
        payload = recorded.state
        if len(payload) + HEADER_BYTES > self._bus.nc.max_payload:
            headers[OVERSIZE] = str(len(payload))
            payload = b""
        subject = self._bus.subject(self._outbox.service, recorded.topic, headers["ce-subject"])
        return Outgoing(subject, payload, headers, after)

    async def _wait_out(self, interrupted: Interrupted) -> None:
        log.warning("relay.refused", stream=self._stream, reason=str(interrupted), code=interrupted.reason.code)
        if interrupted.reason.code not in (WRONG_LAST_SEQUENCE, WRONG_LAST_ID):
            await asyncio.sleep(RETRY_SECONDS)

    async def _resume(self, connection: asyncpg.Connection, known: Cursor | None = None) -> Cursor:
        """Where the stream ends. Asking the table first proves that this process still leads."""
        remembered = await connection.fetchrow(POSITION_OF, self._stream)
        info = await self._bus.ensure_stream(self._outbox.service)
        if self._outbox.work_for is not None:
            await self._bus.ensure_work_stream()
        incarnation = provision.incarnation(info)
        is_the_same = remembered is not None and remembered["incarnation"] == incarnation
        if remembered and not is_the_same:
            log.warning("relay.new_stream", stream=self._stream, position=remembered["position"])
        position = await self._last_position(info)
        if remembered and (is_the_same or position is None):
            position = max(position or 0, remembered["position"])
        # So many strangers may be behind the last fact that it is not found: what is known to be there stays known.
        if known is not None and known.incarnation == incarnation and known.sequence <= info.state.last_seq:
            position = max(position or 0, known.position)
        position = position or 0
        milestone = await self._outbox.store.last_of(self._milestones, position) if self._milestones else 0
        return Cursor(position, info.state.last_seq, incarnation, milestone)

    async def _last_position(self, info: StreamInfo) -> int | None:
        last = await last_fact(self._bus, self._outbox.service) if info.state.messages else None
        if last is None:
            return None
        found = int((last.headers or {})[POSITION])
        # Nobody has published what is not recorded yet, whatever a stranger's message says.
        return found if found <= await self._outbox.store.head() else None

    def _show(self, cursor: Cursor) -> None:
        self._progress.move(cursor.position)

    async def _remember(self, connection: asyncpg.Connection, cursor: Cursor, *, idle: bool) -> None:
        position, at = self._remembered
        if cursor.position != position and (idle or monotonic() - at > REMEMBER_SECONDS):
            await connection.execute(REMEMBER, self._stream, cursor.position, cursor.incarnation)
            self._remembered = (cursor.position, monotonic())


def chains(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """The messages in their order, cut into pieces that are acknowledged together."""
    begin = size = 0
    for place, message in enumerate(messages):
        size += len(message.payload)
        if place > begin and (place - begin >= CHAIN_MESSAGES or size > CHAIN_BYTES):
            yield messages[begin:place]
            begin, size = place, len(message.payload)
    yield messages[begin:]


def _after(cursor: Cursor, recorded: Recorded, stored: Stored) -> Cursor:
    """A duplicate was stored before and moves the position, but not the end of the stream."""
    sequence = cursor.sequence if stored.duplicate else stored.sequence
    return replace(cursor, position=recorded.position, sequence=sequence)
