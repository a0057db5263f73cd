"""Where a projection's facts come from: the own ledger, or another service's stream with its gaps closed."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Protocol, Self
from uuid import UUID

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chassis.bus import Bus
from chassis.clock import monotonic
from chassis.commits import Commits, LedgerEnd
from chassis.envelope import MILESTONE, POSITION, PREVIOUS, is_oversize, previous_of, recorded_from
from chassis.ids import derived_id
from chassis.ledger import EventStore, Recorded
from chassis.logs import get_logger
from chassis.pulling import PullFrom, PullLoop
from chassis.replay import Page, replay_page
from chassis.stream_end import last_fact
from contracts.refusal import Unavailable

BATCH = 500
"""Events folded in one transaction at most."""
BUFFER = 1_000
"""Messages held in memory: one batch being folded, one arriving."""
WAIT_SECONDS = 0.5
"""How long `next` waits for an event before it comes back with nothing."""
ACK_WAIT_SECONDS = 60.0
REPLAY_RETRY_SECONDS = 2.0
"""Between two requests for a replay while the owner does not answer."""
NOBODY = UUID(int=0)

log = get_logger(__name__)


class Source(Protocol):
    """Gives events in the order of one ledger, without gaps."""

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        ...

    async def next(self, after: int) -> Sequence[Recorded]:
        """The events that follow on the position `after`; nothing when none came for a while."""
        ...

    async def folded(self) -> None:
        """What `next` gave last is committed and need not come again."""
        ...

    async def hurry(self) -> None:
        """Say, from whichever process, that somebody waits for events which may have been lost on their way."""
        ...

    async def page(self, after: int) -> Page:
        """The ledger from a position on, for a rebuild."""
        ...

    async def head(self) -> int:
        """The last position that can be had now."""
        ...


class LedgerSource:
    """The own ledger, read directly and woken by commits."""

    def __init__(self, store: EventStore, commits: Commits) -> None:
        """`commits` are those of the store's ledger, of all processes."""
        self.store = store
        self.commits = commits
        self._end = LedgerEnd(commits)

    async def __aenter__(self) -> Self:
        """Nothing to open: the commits are heard anyway."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def next(self, after: int) -> Sequence[Recorded]:
        """The next events, or nothing after half a second."""
        await self._end.passed(after, WAIT_SECONDS)
        batch = await self.store.read_next(after, BATCH)
        self._end.read(batch, BATCH)
        return batch

    async def folded(self) -> None:
        """The checkpoint says it all."""

    async def hurry(self) -> None:
        """Nothing gets lost on this way."""

    async def page(self, after: int) -> Page:
        """The next events."""
        found = await self.store.read_after(after, BATCH + 1)
        return Page(found[:BATCH], more=len(found) > BATCH)

    async def head(self) -> int:
        """The last committed position."""
        return await self.store.head()


class StreamSource:
    """Another service's stream through a durable consumer; whatever the stream lacks, the owner replays.

    The consumer acknowledges a whole batch with its last message. That may confirm more than was folded when messages
    come twice, and the stream may be lost or made anew: so every start begins with a replay from the checkpoint.
    """

    def __init__(self, bus: Bus, service: str, consumer: str, *, milestones: Collection[str] = ()) -> None:
        """`service` owns the ledger; `consumer`, `<reader>_<projection>`, is the durable consumer on its stream.

        With `milestones`, the topics of all of that service's, only these are brought, each with the one before it.
        """
        self._milestones = frozenset(milestones)
        self._before = MILESTONE if milestones else PREVIOUS
        self._bus = bus
        self._service = service
        self._stream = bus.stream(service)
        self._consumer = consumer
        self._buffer: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._taken: Msg | None = None
        self._behind = True
        self._replay_at = 0.0
        self._loop: PullLoop | None = None
        self._hurries: Subscription | None = None

    async def __aenter__(self) -> Self:
        """Start pulling, and a replay from the checkpoint."""
        self._catch_up()
        self._hurries = await self._bus.nc.subscribe(self._hurry_subject, cb=self._hurried)
        self._bus.on_reconnect(self._catch_up)
        self._loop = PullLoop(
            self._bus,
            PullFrom(self._stream, self._consumer, self._received, self._free, self._recreate),
        )
        await self._loop.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop pulling; what was not folded comes again."""
        self._bus.forget(self._catch_up)
        if self._hurries is not None and not self._bus.nc.is_closed:
            await self._hurries.unsubscribe()
        if self._loop is not None:
            await self._loop.stop()
        self._buffer.clear()
        self._taken = None

    async def next(self, after: int) -> Sequence[Recorded]:
        """The next events of the stream, or of a replay while the stream has a gap."""
        if self._behind and monotonic() >= self._replay_at and (replayed := await self._replayed(after)):
            return replayed
        if not self._buffer:
            self._arrived.clear()
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._arrived.wait()
            except TimeoutError:
                return ()
        batch = self._take(after)
        if not batch:
            await self.folded()
            if self._buffer:
                await asyncio.sleep(min(WAIT_SECONDS, max(0.0, self._replay_at - monotonic())))
        return batch

    async def folded(self) -> None:
        """Acknowledge everything up to the last message taken, ask for as many new ones."""
        taken, self._taken = self._taken, None
        if taken is not None:
            await taken.ack()
            if self._loop is not None:
                await self._loop.slots_freed()

    async def hurry(self) -> None:
        """Let the process that reads the stream ask the owner: a stream that is gone shows no gap."""
        with suppress(Error):
            await self._bus.nc.publish(self._hurry_subject)

    async def page(self, after: int) -> Page:
        """The owner's ledger from a position on."""
        return await replay_page(self._bus, self._service, after)

    async def head(self) -> int:
        """The last position published on the stream that `next` brings."""
        last = await last_fact(self._bus, self._service)
        headers = (last and last.headers) or {}
        is_brought = not self._milestones or headers.get("ce-type") in self._milestones
        return int(headers.get(POSITION if is_brought else MILESTONE, "0"))

    @property
    def _hurry_subject(self) -> str:
        reader, _, projection = self._consumer.partition("_")
        return self._bus.subject("hurry", reader, projection)

    async def _hurried(self, _: Msg) -> None:
        self._catch_up()
        self._arrived.set()

    async def _received(self, msg: Msg) -> None:
        self._buffer.append(msg)
        self._arrived.set()

    def _free(self) -> int:
        return BUFFER - len(self._buffer)

    def _take(self, after: int) -> list[Recorded]:
        """As many buffered events as follow on `after` without a gap; older ones are passed over."""
        batch: list[Recorded] = []
        while self._buffer and len(batch) < BATCH:
            msg = self._buffer[0]
            recorded = recorded_from(msg)
            if recorded is None:
                batch.append(_stranger(msg))
            elif recorded.position > after:
                if not 0 <= previous_of(msg, self._before) <= after or is_oversize(msg):
                    self._behind = True
                    break
                batch.append(recorded)
                after = recorded.position
            self._taken = self._buffer.popleft()
        return batch

    async def _replayed(self, after: int) -> Sequence[Recorded]:
        try:
            page = await self.page(after)
        except Unavailable as error:
            log.info("projection.no_replay", stream=self._stream, reason=error.detail)
            page = Page(more=True)
        self._behind = page.more
        if page.events:
            log.debug("projection.replayed", stream=self._stream, after=after, events=len(page.events))
        else:
            self._replay_at = monotonic() + REPLAY_RETRY_SECONDS
        return page.events

    async def _recreate(self) -> None:
        """Make the consumer. An owner that answers replays what is there: the consumer brings only what is new."""
        await self._bus.ensure_stream(self._service)
        try:
            await replay_page(self._bus, self._service, 0, limit=1)
            policy = DeliverPolicy.NEW
        except Unavailable:
            policy = DeliverPolicy.ALL
        await self._bus.ensure_consumer(
            self._stream,
            ConsumerConfig(
                name=self._consumer,
                filter_subjects=self._subjects,
                deliver_policy=policy,
                ack_policy=AckPolicy.ALL,
                ack_wait=ACK_WAIT_SECONDS,
                max_deliver=-1,
                max_ack_pending=2 * BUFFER,
            ),
        )
        self._catch_up()

    @property
    def _subjects(self) -> list[str] | None:
        return [self._bus.subject(self._service, topic, "*") for topic in sorted(self._milestones)] or None

    def _catch_up(self) -> None:
        """Ask the owner next time: what was on its way may be lost, and nothing later may come to show the gap."""
        self._behind, self._replay_at = True, 0.0


def _stranger(msg: Msg) -> Recorded:
    """A message that no relay published, as something that can be put aside: position 0, its own place as its id."""
    place = msg.metadata
    event_id = derived_id(place.stream, str(place.sequence.stream), str(place.timestamp))
    return Recorded(0, NOBODY, 0, msg.subject, msg.data, event_id)
