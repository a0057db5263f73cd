"""Gathering what the other processes of the house say about themselves: that they live, and their metrics."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.errors import Error
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from chassis import telemetry
from chassis.bus import Bus

SERVICES = ("blueprint", "execution", "metrics")
"""Who must be there for the gateway to be of use."""
PING_SECONDS = 1.0
PID_HEADER = "Headrace-Pid"
"""Which process sent a page of metrics."""
GATHER_SECONDS = 0.3
"""Who has not sent its metrics by then is left out of this scrape."""


@dataclass(frozen=True, slots=True)
class Page:
    """The metrics of one process in Prometheus' text format."""

    service: str
    pid: str
    text: str


async def missing(bus: Bus) -> list[str]:
    """The services of which no process answers."""
    answers = await asyncio.gather(*(_answers(bus, service) for service in SERVICES))
    return [service for service, answered in zip(SERVICES, answers, strict=True) if not answered]


async def house_metrics(bus: Bus) -> bytes:
    """The metrics of this process and of every other one that answers in time, told apart by `service` and `pid`."""
    own = Page("gateway", str(os.getpid()), telemetry.render_metrics().decode())
    return merged([own, *await _pages(bus)])


def merged(pages: Iterable[Page]) -> bytes:
    """One page of many: each metric is described once, each sample labelled with its process."""
    families: dict[str, Metric] = {}
    for page in pages:
        labels = {"service": page.service, "pid": page.pid}
        for found in text_string_to_metric_families(page.text):
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


async def _answers(bus: Bus, service: str) -> bool:
    try:
        await bus.nc.request(bus.subject("ops", service, "ping"), b"", timeout=PING_SECONDS)
    except (Error, OSError):
        return False
    return True


async def _pages(bus: Bus) -> list[Page]:
    pages: list[Page] = []

    async def take(message: Msg) -> None:
        pid = (message.headers or {}).get(PID_HEADER, "")
        pages.append(Page(message.subject.rpartition(".")[2], pid, message.data.decode()))

    inbox = bus.nc.new_inbox()
    subscription = await bus.nc.subscribe(f"{inbox}.*", cb=take)
    try:
        for service in SERVICES:
            await bus.nc.publish(bus.subject("ops", service, "metrics"), b"", reply=f"{inbox}.{service}")
        await asyncio.sleep(GATHER_SECONDS)
    except (Error, OSError):
        pages.clear()
    finally:
        await subscription.unsubscribe()
    return pages
