"""How a running process is looked at from outside: ping, metrics and rebuilds over the bus."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis import telemetry
from chassis.bus import Bus, refused
from chassis.cancelling import cancel
from chassis.logs import get_logger
from contracts.refusal import Failed, Refusal

PID = "Headrace-Pid"
"""Header of a page of metrics: the process that it comes from."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """How far one projection has come, as seen by one process."""

    name: str
    position: int
    lag: int
    leading: bool
    stopped: str | None = None
    """Why it goes no further in this process, which is too old for the next fact."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What a ping answers."""

    service: str
    version: str
    ready: bool
    relay_leader: bool
    projections: tuple[ProjectionState, ...] = ()
    pid: int = os.getpid()


class OpsDesk:
    """Every process of a service answers `<ns>.ops.<service>.ping` and `.metrics`: there is no queue group."""

    def __init__(self, bus: Bus, service: str, state: Callable[[], Awaitable[Any]]) -> None:
        """`state` answers the ping: a `ProcessState`, or whatever JSON can say of the process."""
        self._bus = bus
        self._service = service
        self._state = state
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> Self:
        """Begin to answer."""
        for verb, answer in (("ping", self._ping), ("metrics", self._metrics)):
            subject = self._bus.subject("ops", self._service, verb)
            self._subscriptions.append(await self._bus.nc.subscribe(subject, cb=answer))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Answer no more."""
        for subscription in self._subscriptions:
            if not self._bus.nc.is_closed:
                await subscription.unsubscribe()

    async def _ping(self, msg: Msg) -> None:
        await self._bus.nc.publish(msg.reply, orjson.dumps(await self._state()))

    async def _metrics(self, msg: Msg) -> None:
        await self._bus.nc.publish(msg.reply, telemetry.render_metrics(), headers={PID: str(os.getpid())})


class RebuildDesk:
    """One process of a service answers `<ns>.ops.<service>.rebuild {"projection"}` with the position of the new rows.

    A rebuild takes as long as its ledger is long; ask with a timeout to match. A refusal comes with its usual header.
    """

    def __init__(self, bus: Bus, service: str, rebuild: Callable[[str], Awaitable[int]]) -> None:
        """`rebuild(projection's name)` makes the rows anew."""
        self._bus = bus
        self._service = service
        self._rebuild = rebuild
        self._subscription: Subscription | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to answer."""
        subject = self._bus.subject("ops", self._service, "rebuild")
        self._subscription = await self._bus.nc.subscribe(subject, queue=self._service, cb=self._asked)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Answer no more; a rebuild under way is given up, which leaves the old rows."""
        if self._subscription is not None and not self._bus.nc.is_closed:
            await self._subscription.unsubscribe()
        await cancel(*self._under_way)

    async def _asked(self, msg: Msg) -> None:
        task = asyncio.create_task(self._answer(msg))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, msg: Msg) -> None:
        headers = None
        try:
            name = str(orjson.loads(msg.data)["projection"])
            body = orjson.dumps({"projection": name, "position": await self._rebuild(name)})
        except Refusal as refusal:
            headers, body = refused(refusal)
        except Exception as error:
            log.exception("rebuild.failed", service=self._service)
            headers, body = refused(Failed("rebuild_failed", f"{type(error).__name__}: {error}"))
        await self._bus.nc.publish(msg.reply, body, headers=headers)
