"""Following a run as it happens: recorded events in their order, tokens in between, gaps filled from the ledger."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from anyio import CancelScope
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis import clock
from chassis.bus import Bus
from chassis.envelope import VERSION, is_oversize
from chassis.logs import get_logger
from contracts.execution import FollowInstance, Token
from contracts.instance_events import NodeStarted
from contracts.message import Caller
from contracts.refusal import Refusal
from gateway.lines import HEARTBEAT, LAST, event_line, ledger_line, token_line

SILENCE_SECONDS = 2.0
"""After so long without an event, ask the ledger: the bus may have lost what it never promised to keep."""
HEARTBEAT_SECONDS = 15.0
QUEUE_BYTES = 8 * 1024 * 1024
"""What may wait for a slow client; recorded events over it are read from the ledger later, tokens are lost."""
BATCH_MESSAGES = 128
"""Lines that go out in one piece: one write for many lines is what makes a stream cheap."""

BEGINNING = NodeStarted.topic()

Visit = tuple[str, int]

log = get_logger(__name__)


class Following:
    """One client's view of one run. Listen before the run is asked for, so that nothing is missed."""

    def __init__(self, bus: Bus, caller: Caller, instance_id: UUID, draining: asyncio.Event) -> None:
        """`caller` is who may see the run; `draining` is set when the stream should end soon, whatever the run does."""
        self._bus = bus
        self._caller = caller
        self._draining = draining
        self._instance_id = instance_id
        self._tokens = Token.subject(instance_id, bus.namespace)
        self._events = bus.subject("execution", "")
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._waiting_bytes = 0
        self._subscription: Subscription | None = None
        self._seen = 0
        self._begun: set[Visit] = set()
        self._ended = False

    async def listen(self) -> None:
        """Begin to receive what the run says from now on.

        Events and tokens through one subscription: of two, the client may hand over the later messages first.
        """
        everything = self._bus.subject("*", "*", str(self._instance_id))
        self._subscription = await self._bus.nc.subscribe(everything, cb=self._receive)

    async def close(self) -> None:
        """Stop listening; the run itself goes on."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with CancelScope(shield=True):
                await subscription.unsubscribe()

    async def lines(self, *, from_the_ledger: bool = False) -> AsyncIterator[bytes]:
        """NDJSON, several lines a piece, up to the run's end; begins with what is recorded if `from_the_ledger`."""
        beat_at = clock.monotonic() + HEARTBEAT_SECONDS
        try:
            lines = await self._catch_up() if from_the_ledger else []
            while lines or not self._ended:
                if lines:
                    yield b"".join(lines)
                if self._ended or self._draining.is_set():
                    return
                lines = await self._next_lines(min(SILENCE_SECONDS, max(beat_at - clock.monotonic(), 0.0)))
                if clock.monotonic() >= beat_at:
                    beat_at = clock.monotonic() + HEARTBEAT_SECONDS
                    lines.append(HEARTBEAT)
        finally:
            await self.close()

    async def _receive(self, message: Msg) -> None:
        # What is dropped here shows as a gap, and the ledger has it.
        if self._waiting_bytes < QUEUE_BYTES:
            self._waiting_bytes += len(message.data)
            self._arrived.put_nowait(message)

    async def _next_lines(self, silence: float) -> list[bytes]:
        try:
            batch = [await asyncio.wait_for(self._arrived.get(), silence)]
        except TimeoutError:
            return await self._catch_up(only_if_silent=True)
        while len(batch) < BATCH_MESSAGES and not self._arrived.empty():
            batch.append(self._arrived.get_nowait())
        lines: list[bytes] = []
        for message in batch:
            self._waiting_bytes -= len(message.data)
            if not self._ended:
                lines += await self._told(message)
        return lines

    async def _told(self, message: Msg) -> list[bytes]:
        if message.subject == self._tokens:
            return [*await self._before(message.data), token_line(self._instance_id, message.data, clock.now())]
        if not message.headers or not message.subject.startswith(self._events):
            return []
        seq = int(message.headers[VERSION])
        if seq <= self._seen:
            return []
        if seq > self._seen + 1 or is_oversize(message):
            return await self._catch_up()
        event = message.subject.split(".")[-2]
        self._seen, self._ended = seq, event in LAST
        if event == BEGINNING:
            self._begun.add(visit_in(orjson.loads(message.data)))
        return [event_line(self._instance_id, seq, event, message.data)]

    async def _before(self, token: bytes) -> list[bytes]:
        """The facts up to the beginning of the node that speaks: words may overtake what the relay publishes."""
        visit = visit_in(orjson.loads(token))
        if visit in self._begun:
            return []
        self._begun.add(visit)
        page = await self._ask_the_ledger()
        items = page["items"] if page is not None else []
        for place, item in enumerate(items, 1):
            if item["event"] == BEGINNING and visit_in(item["data"]) == visit:
                return self._take(items[:place])
        return []

    async def _catch_up(self, *, only_if_silent: bool = False) -> list[bytes]:
        """What the ledger has after the last line; nothing when execution cannot say right now.

        `only_if_silent` leaves it to the messages that came meanwhile: tokens among them belong between the events.
        """
        lines: list[bytes] = []
        while not self._ended:
            page = await self._ask_the_ledger()
            if page is None or (only_if_silent and not self._arrived.empty()):
                break
            self._ended = page["ended"]
            if not page["items"]:
                break
            lines += self._take(page["items"])
        return lines

    async def _ask_the_ledger(self) -> dict[str, Any] | None:
        """What is recorded after the last line; None when execution cannot say right now."""
        query = FollowInstance(caller=self._caller.once_let_in(), instance_id=self._instance_id, after=self._seen)
        try:
            page: dict[str, Any] = orjson.loads(await self._bus.ask(query, SILENCE_SECONDS))
        except Refusal as refusal:
            log.info("stream.ledger_unavailable", instance_id=str(self._instance_id), code=refusal.code)
            return None
        return page

    def _take(self, items: Sequence[dict[str, Any]]) -> list[bytes]:
        """Recorded facts become lines, and the last of them is where the stream stands."""
        self._seen = items[-1]["seq"]
        self._begun |= {visit_in(item["data"]) for item in items if item["event"] == BEGINNING}
        return [ledger_line(item) for item in items]


def visit_in(data: Mapping[str, Any]) -> Visit:
    """The visit of a node that a fact, or a token, is about."""
    return data["node_id"], data["visit"]
