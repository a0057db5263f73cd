"""How far a service's ledger has grown, known at once in every process that follows it."""

import asyncio
from collections.abc import Sequence
from typing import Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from chassis.bus import Bus
from chassis.clock import monotonic
from chassis.ledger import Recorded
from chassis.progress import Progress

ANNOUNCE_SECONDS = 0.02
"""Between two nudges to the other processes: many commits make one nudge, the first of them at once."""
POLL_SECONDS = 0.5
"""A nudge may be lost; after so long a follower looks by itself."""


class Commits:
    """Hears of this process's commits directly and of the others' over `<ns>.committed.<service>`.

    Hand `committed` to the event store's `on_commit`. A follower notes `highest`, reads the ledger, and when it found
    nothing awaits `beyond(noted)`: no commit can slip through between the reading and the waiting.
    """

    def __init__(self, bus: Bus, service: str) -> None:
        """`service` owns the ledger."""
        self._bus = bus
        self._subject = bus.subject("committed", service)
        self._grown = Progress()
        self._subscription: Subscription | None = None
        self._announced_at = 0.0
        self._scheduled: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def highest(self) -> int:
        """The highest position known to be committed."""
        return self._grown.position

    async def __aenter__(self) -> Self:
        """Listen to the other processes."""
        self._subscription = await self._bus.nc.subscribe(self._subject, cb=self._heard)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._scheduled is not None:
            self._scheduled.cancel()
        if self._subscription is not None and not self._bus.nc.is_closed:
            await self._subscription.unsubscribe()

    def committed(self, head: int) -> None:
        """This process's ledger reaches to `head` now: wake its followers, nudge the other processes."""
        self._raise_to(head)
        if self._scheduled is None:
            wait = self._announced_at + ANNOUNCE_SECONDS - monotonic()
            self._scheduled = asyncio.get_running_loop().call_later(max(0.0, wait), self._announce)

    async def beyond(self, seen: int, timeout: float = POLL_SECONDS) -> None:
        """Return as soon as the ledger is known to reach beyond `seen`, or after `timeout` seconds."""
        await self._grown.beyond(seen, timeout)

    def _raise_to(self, head: int) -> None:
        if head > self.highest:
            self._grown.move(head)

    def _announce(self) -> None:
        self._scheduled = None
        self._announced_at = monotonic()
        self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        try:
            if self._bus.connected:
                await self._bus.nc.publish(self._subject, str(self.highest).encode())
        except Error:
            # The others poll: they notice a little later.
            return

    async def _heard(self, msg: Msg) -> None:
        self._raise_to(int(msg.data))


class LedgerEnd:
    """What one follower knows of the end of the ledger: when it stands there, asking is of no use before it grows."""

    def __init__(self, commits: Commits) -> None:
        """A follower who has not read yet may ask at once."""
        self._commits = commits
        self._known = 0
        self._reached = False

    def read(self, batch: Sequence[Recorded], limit: int) -> None:
        """This came of asking for `limit` facts."""
        self._reached = not batch or (len(batch) < limit and batch[-1].position >= self._commits.highest)

    async def passed(self, position: int, timeout: float = POLL_SECONDS) -> None:
        """Return when there may be facts behind `position`: at once, or when the ledger has grown, or when it is time.

        What was known before the last reading and not found then is not waited for again.
        """
        if self._reached:
            await self._commits.beyond(max(position, self._known), timeout)
        self._known = self._commits.highest
