"""The owner of a ledger tells it again, page by page, to whoever missed a part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from chassis.bus import Bus
from chassis.envelope import HEADER_BYTES, headers_of, recorded_from
from chassis.ledger import EventStore, Recorded
from chassis.logs import get_logger
from contracts.refusal import Unavailable

PAGE = 500
"""Events in one page at most."""
PAGE_BYTES_MAX = 8 * 1024 * 1024
"""A page ends early when its payloads come to this."""
ANSWER_SECONDS = 5.0
"""How long the next message of a page may take."""
NO_RESPONDER = "503"

END = "Headrace-End"
"""On the last message of a page: how many events it had."""
MORE = "Headrace-More"
"""Beside it: 1 when the ledger goes on behind the page."""
PART = "Headrace-Part"
"""On all but the last message of an event that is larger than the bus takes."""

log = get_logger(__name__)


@dataclass(slots=True)
class Page:
    """Consecutive events of a ledger, and whether it goes on behind them."""

    events: list[Recorded] = field(default_factory=list)
    more: bool = False


class ReplayDesk:
    """Answers `<ns>.replay.<service>` with pages of the ledger; one of the service's processes takes each request."""

    def __init__(self, bus: Bus, service: str, store: EventStore) -> None:
        """`store` holds the ledger of `service`."""
        self._bus = bus
        self._service = service
        self._store = store
        self._subscription: Subscription | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to answer."""
        subject = self._bus.subject("replay", self._service)
        self._subscription = await self._bus.nc.subscribe(subject, queue=self._service, cb=self._asked)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take no more requests, finish those under way."""
        if self._subscription is not None and not self._bus.nc.is_closed:
            await self._subscription.unsubscribe()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _asked(self, msg: Msg) -> None:
        task = asyncio.create_task(self._answer(msg))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, msg: Msg) -> None:
        try:
            request = orjson.loads(msg.data)
            after, limit = int(request["after"]), min(int(request.get("limit", PAGE)), PAGE)
            found = await self._store.read_after(after, limit + 1)
            page = found[: _fitting(found[:limit])]
            previous = after
            for recorded in page:
                await self._send(msg.reply, recorded, previous)
                previous = recorded.position
            end = {END: str(len(page)), MORE: str(int(len(found) > len(page)))}
            await self._bus.nc.publish(msg.reply, headers=end)
        except Exception:
            # The asking side hears nothing, gives up after `ANSWER_SECONDS` and asks again.
            log.exception("replay.failed", service=self._service)

    async def _send(self, inbox: str, recorded: Recorded, previous: int) -> None:
        headers = headers_of(recorded, self._service, previous)
        size = self._bus.nc.max_payload - HEADER_BYTES
        state = recorded.state
        while len(state) > size:
            await self._bus.nc.publish(inbox, state[:size], headers=headers | {PART: "1"})
            state = state[size:]
        await self._bus.nc.publish(inbox, state, headers=headers)


async def replay_page(bus: Bus, service: str, after: int, limit: int = PAGE) -> Page:
    """The events of `service` after a position. Raises `Unavailable` when it does not answer completely."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = bus.nc.new_inbox()
    subscription = await bus.nc.subscribe(inbox, cb=arrived.put, pending_msgs_limit=0, pending_bytes_limit=0)
    try:
        request = orjson.dumps({"after": after, "limit": limit})
        await bus.nc.publish(bus.subject("replay", service), request, inbox)
        return await _collect(service, arrived)
    except Error as error:
        raise Unavailable("bus_unavailable", f"the message bus is not available ({error})") from error
    finally:
        with suppress(Error):
            await subscription.unsubscribe()


async def replay(bus: Bus, service: str, after: int = 0) -> AsyncIterator[Page]:
    """Everything that `service` recorded after a position, page by page; raises as `replay_page` does."""
    more = True
    while more:
        page = await replay_page(bus, service, after)
        if page.events:
            after = page.events[-1].position
            yield page
        more = page.more


async def _collect(service: str, arrived: asyncio.Queue[Msg]) -> Page:
    page = Page()
    parts = b""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                msg = await arrived.get()
        except TimeoutError as error:
            raise Unavailable("no_replay", f"{service} stopped in the middle of a replay") from error
        headers = msg.headers or {}
        if headers.get("Status") == NO_RESPONDER:
            raise Unavailable("no_responder", f"no {service} service is running")
        if END in headers:
            if len(page.events) != int(headers[END]):
                raise Unavailable("replay_incomplete", f"a part of the replay of {service} was lost")
            page.more = headers.get(MORE) == "1"
            return page
        parts += msg.data
        if PART not in headers and (recorded := recorded_from(msg)):
            page.events.append(recorded._replace(state=parts))
            parts = b""


def _fitting(found: list[Recorded]) -> int:
    """How many of the events make a page: all, or as many as its bytes allow, at least one."""
    size = 0
    for place, recorded in enumerate(found):
        size += len(recorded.state)
        if place and size > PAGE_BYTES_MAX:
            return place
    return len(found)
