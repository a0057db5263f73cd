"""Gathering what the processes of the house say about themselves: that they are ready, and their metrics."""

import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import orjson
from nats.errors import Error
from nats.errors import TimeoutError as NatsTimeout
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from chassis import clock, telemetry
from chassis.bus import Bus
from chassis.ops import PID

GATEWAY = "gateway"
NEEDED = ("blueprint", "execution", "metrics", "access")
"""Who must be there for the gateway to be of use."""
PING_SECONDS = 1.0
GATHER_SECONDS = 0.3
"""Who has not sent its metrics by then is left out of this scrape."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one process answered."""

    service: str
    pid: str
    body: bytes


async def missing(bus: Bus) -> list[str]:
    """The needed services of which no process says that it is ready."""
    waited_for = dict.fromkeys(NEEDED)
    async with aclosing(_replies(bus, "ping", NEEDED, PING_SECONDS)) as replies:
        async for reply in replies:
            if orjson.loads(reply.body)["ready"]:
                waited_for.pop(reply.service, None)
            if not waited_for:
                break
    return list(waited_for)


async def house_metrics(bus: Bus) -> bytes:
    """The metrics of this process and of every other one that answers in time, told apart by `service` and `pid`."""
    own = Reply(GATEWAY, str(os.getpid()), telemetry.render_metrics())
    async with aclosing(_replies(bus, "metrics", (*NEEDED, GATEWAY), GATHER_SECONDS)) as replies:
        others = [reply async for reply in replies if (reply.service, reply.pid) != (own.service, own.pid)]
    return merged([own, *others])


def merged(pages: Iterable[Reply]) -> bytes:
    """One page of many: each metric is described once, each sample labelled with its process."""
    families: dict[str, Metric] = {}
    for page in pages:
        labels = {"service": page.service, "pid": page.pid}
        for found in text_string_to_metric_families(page.body.decode()):
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            family.samples += [sample._replace(labels=sample.labels | labels) for sample in found.samples]
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


class _Families(Collector):
    """What was gathered, in the form that is rendered."""

    def __init__(self, families: dict[str, Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families.values()


async def _replies(bus: Bus, verb: str, services: Iterable[str], seconds: float) -> AsyncGenerator[Reply, None]:
    """What the processes of `services` answer within `seconds`; nothing when there is no bus."""
    inbox = bus.nc.new_inbox()
    until = clock.monotonic() + seconds
    try:
        subscription = await bus.nc.subscribe(f"{inbox}.*")
        try:
            for service in services:
                await bus.nc.publish(bus.subject("ops", service, verb), b"", reply=f"{inbox}.{service}")
            while (left := until - clock.monotonic()) > 0:
                message = await subscription.next_msg(left)
                if message.data:
                    pid = (message.headers or {}).get(PID, "")
                    yield Reply(message.subject.rpartition(".")[2], pid, message.data)
        finally:
            await subscription.unsubscribe()
    except NatsTimeout:
        return
    except (Error, OSError):
        return
