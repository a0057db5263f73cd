"""A pull consumer that never stalls: overlapping requests, statuses understood, bounded by the free slots."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.cancelling import cancel
from chassis.clock import monotonic
from chassis.logs import get_logger

BATCH = 256
"""Messages asked for at once, at most."""
EXPIRES_SECONDS = 30.0
HEARTBEAT_SECONDS = 2.0
"""How often the server shows that a pull request is still alive."""
MISSED_HEARTBEATS = 2.5
"""After so many silent heartbeats the request is taken for lost."""
BACKOFF_SECONDS = 0.5
"""Between attempts while the consumer cannot be pulled from."""
DRAIN_SECONDS = 2.0
"""How long the messages of an inbox that is given up may take."""
REQUEST_BYTES_MAX = 32 * 1024 * 1024
"""What one pull request may bring into memory."""
NAK_SECONDS = 1.0
"""Delay before a message comes again whose handler raised."""

HEARTBEAT, NO_MESSAGES, EXPIRED, CONFLICT = "100", "404", "408", "409"
CONSUMER_GONE = ("consumer deleted", "consumer is push based")
ACK_PREFIX = "$JS.ACK."

log = get_logger(__name__)
Handler = Callable[[Msg], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PullFrom:
    """Which consumer to pull from, what to do with a message, and how many can be taken now.

    `handle` runs one message after the other and should hand long work to a task. `free_slots` is asked before every
    pull. `recreate` is called when the consumer or its stream is gone, until it succeeds.
    """

    stream: str
    consumer: str
    handle: Handler
    free_slots: Callable[[], int]
    recreate: Callable[[], Awaitable[None]]
    batch: int = BATCH


@dataclass(slots=True)
class _Request:
    """A pull request the server holds for us."""

    remaining: int
    sent_at: float = field(default_factory=monotonic)


class PullLoop:
    """Keeps pull requests open for as many messages as there are free slots, and no more."""

    def __init__(self, bus: Bus, source: PullFrom) -> None:
        """Nothing is asked for before `start`."""
        self._bus = bus
        self._source = source
        self._requests: dict[str, _Request] = {}
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._count = 0
        self._heard_at = 0.0
        self._stopping = False
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin pulling; a consumer that does not exist yet is made by `recreate`."""
        self._bus.on_reconnect(self._broken.set)
        self._broken.set()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Pull no more; what was delivered and not yet handled goes back at once."""
        self._bus.forget(self._broken.set)
        if self._keeper is not None:
            await cancel(self._keeper)
        # From here to the end of the subscription nothing is awaited: what goes back must not come here again.
        self._stopping = True
        await self._close_inbox()

    @property
    def outstanding(self) -> int:
        """Messages asked for and not yet delivered."""
        return sum(request.remaining for request in self._requests.values())

    async def slots_freed(self) -> None:
        """Say that `free_slots` has grown, so that the next messages are asked for at once."""
        if not self._broken.is_set():
            await self._pull()

    async def _keep(self) -> None:
        """Start anew whenever the requests are lost: a reconnect, a silent server, a deleted consumer."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._broken.wait()
            except TimeoutError:
                if not self._silent():
                    await self._try_pull()
                    continue
                log.warning("pull.silent", stream=self._source.stream, consumer=self._source.consumer)
            await self._restart()

    def _silent(self) -> bool:
        return bool(self._requests) and monotonic() - self._heard_at > HEARTBEAT_SECONDS * MISSED_HEARTBEATS

    async def _try_pull(self) -> None:
        try:
            await self._pull()
        except (Error, OSError):
            self._broken.set()

    async def _restart(self) -> None:
        try:
            await self._close_inbox()
            await self._make_sure_of_consumer()
            self._inbox = self._bus.nc.new_inbox()
            # Its own memory bound is switched off: what is in flight is bounded by the requests.
            self._subscription = await self._bus.nc.subscribe(
                f"{self._inbox}.*", cb=self._received, pending_msgs_limit=0, pending_bytes_limit=0
            )
            self._broken.clear()
            self._heard_at = monotonic()
            await self._pull()
        except Exception as error:  # noqa: BLE001 - whatever it is, pulling goes on when it is over
            log.warning("pull.unavailable", stream=self._source.stream, error=repr(error))
            self._broken.set()
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _make_sure_of_consumer(self) -> None:
        try:
            await self._bus.js.consumer_info(self._source.stream, self._source.consumer)
        except NotFoundError:
            log.info("pull.recreating", stream=self._source.stream, consumer=self._source.consumer)
            await self._source.recreate()

    async def _close_inbox(self) -> None:
        """Drop the inbox, and with it the requests that the server still holds; take, or hand back, what is in it.

        Draining and not unsubscribing: a message on its way here would only come again after the ack wait.
        """
        subscription, self._subscription = self._subscription, None
        self._requests.clear()
        if subscription is None or self._bus.nc.is_closed:
            return
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                if self._bus.connected:
                    await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py left it without annotations
                else:
                    await subscription.unsubscribe()
        except (Error, TimeoutError) as error:
            log.debug("pull.unsubscribed", error=repr(error))

    async def _pull(self) -> None:
        if self._stopping or self._subscription is None:
            return
        wanted = min(self._source.batch, self._source.free_slots() - self.outstanding)
        if wanted <= 0 or (self._requests and wanted < self._worthwhile()):
            return
        if not self._requests:
            self._heard_at = monotonic()
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        self._requests[reply] = _Request(wanted)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._source.stream}.{self._source.consumer}"
        await self._bus.nc.publish(subject, _request_body(wanted), reply)

    def _worthwhile(self) -> int:
        """A further request is sent for a quarter of a batch, not for every message that was taken."""
        return max(1, min(self._source.batch, self._source.free_slots()) // 4)

    async def _received(self, msg: Msg) -> None:
        self._heard_at = monotonic()
        if not msg.reply.startswith(ACK_PREFIX):
            await self._status(msg)
            return
        self._count_delivery()
        if self._stopping:
            await msg.nak()
            return
        try:
            await self._source.handle(msg)
        except Exception:
            log.exception("pull.handler_failed", stream=self._source.stream, subject=msg.subject)
            await msg.nak(NAK_SECONDS)
        await self._pull()

    def _count_delivery(self) -> None:
        """The server fills the oldest request first."""
        for reply, request in self._requests.items():
            request.remaining -= 1
            if request.remaining <= 0:
                del self._requests[reply]
            return

    async def _status(self, msg: Msg) -> None:
        headers = msg.headers or {}
        status, description = headers.get("Status", ""), headers.get("Description", "")
        if status == HEARTBEAT or self._stopping:
            return
        self._requests.pop(msg.subject, None)
        if status in (EXPIRED, NO_MESSAGES):
            await self._pull()
        elif status == CONFLICT and description.lower() not in CONSUMER_GONE:
            # The rest of this request is void (a leader moved, a byte limit was met); the keeper asks again.
            log.debug("pull.void", stream=self._source.stream, description=description)
            asyncio.get_running_loop().call_later(BACKOFF_SECONDS / 5, self._ask_again)
        else:
            log.warning("pull.lost", stream=self._source.stream, status=status, description=description)
            self._broken.set()

    def _ask_again(self) -> None:
        if not self._stopping:
            self._again = asyncio.create_task(self._try_pull())


def _request_body(batch: int) -> bytes:
    nanoseconds = 1_000_000_000
    return orjson.dumps(
        {
            "batch": batch,
            "expires": int(EXPIRES_SECONDS * nanoseconds),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * nanoseconds),
            "max_bytes": REQUEST_BYTES_MAX,
        }
    )
