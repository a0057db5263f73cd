"""What a process measures every few seconds, where counting as it happens would cost the hot path or say nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import asyncpg
from prometheus_client import Gauge

from chassis import dead_letters
from chassis.bus import Bus
from chassis.logs import get_logger
from chassis.postgres import answers
from chassis.projection_runner import ProjectionRunner
from chassis.relay import Relay
from chassis.telemetry import REGISTRY, RELAY_LAG

READ_SECONDS = 10.0
"""From one reading to the next, and how long one may take."""
DATABASE_SECONDS = 2.0

POSTGRES_UP = Gauge("headrace_postgres_up", "Whether Postgres answers this process", registry=REGISTRY)
BUS_UP = Gauge("headrace_bus_up", "Whether this process is connected to NATS", registry=REGISTRY)
PROJECTION_LAG = Gauge(
    "headrace_projection_lag",
    "Ledger positions not yet in the rows, where they are written",
    ["projection"],
    registry=REGISTRY,
)
PROJECTION_LEADING = Gauge(
    "headrace_projection_leading", "Whether this process writes the rows", ["projection"], registry=REGISTRY
)
RELAY_LEADING = Gauge("headrace_relay_leading", "Whether this process publishes", ["service"], registry=REGISTRY)
DEAD_LETTERS_KEPT = Gauge("headrace_dead_letters_kept", "Facts put aside that nobody has seen to", registry=REGISTRY)
STREAM_BYTES = Gauge("headrace_stream_bytes", "What NATS keeps of a stream", ["stream"], registry=REGISTRY)
STREAM_BYTES_MAX = Gauge(
    "headrace_stream_bytes_max", "Where the oldest messages of a stream are dropped", ["stream"], registry=REGISTRY
)

log = get_logger(__name__)
Reading = Callable[[], Awaitable[None]]


async def keep_reading(readings: Iterable[Reading]) -> None:
    """Read all, one after the other, until cancelled; what cannot be read now keeps the value it had."""
    while True:
        for reading in readings:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await reading()
            except Exception as error:  # noqa: BLE001 - a measurement must not end what it measures
                log.debug("reading.failed", error=repr(error))
        await asyncio.sleep(READ_SECONDS)


@dataclass(frozen=True)
class HouseReadings:
    """What every service measures of itself: its servers, its relay, its projections, what it put aside."""

    service: str
    bus: Bus
    pool: asyncpg.Pool
    runners: Mapping[str, ProjectionRunner]
    relay: Relay | None

    async def servers(self) -> None:
        """Whether both servers are there; dead letters, while one can ask."""
        BUS_UP.set(self.bus.connected)
        postgres = await answers(self.pool, DATABASE_SECONDS)
        POSTGRES_UP.set(postgres)
        if postgres:
            async with self.pool.acquire() as connection:
                DEAD_LETTERS_KEPT.set(await dead_letters.count(connection))

    async def delivery(self) -> None:
        """How far behind the relay is, and how full its stream."""
        if self.relay is None:
            return
        RELAY_LEADING.labels(self.service).set(self.relay.leading)
        if not self.relay.leading:
            # Else the last value of a former leader would stand for ever.
            RELAY_LAG.labels(self.service).set(0)
            return
        RELAY_LAG.labels(self.service).set(self.relay.lag)
        if self.bus.connected:
            await read_stream(self.bus, self.bus.stream(self.service))

    async def projections(self) -> None:
        """How far the rows are behind what their source holds; none is behind where another process writes them."""
        for name, runner in self.runners.items():
            PROJECTION_LEADING.labels(name).set(runner.leading)
            lag = max(0, await runner.source.head() - runner.position) if runner.leading and self.bus.connected else 0
            PROJECTION_LAG.labels(name).set(lag)


async def read_stream(bus: Bus, stream: str) -> None:
    """How full a stream is."""
    info = await bus.js.stream_info(stream)
    STREAM_BYTES.labels(stream).set(info.state.bytes)
    STREAM_BYTES_MAX.labels(stream).set(info.config.max_bytes or -1)
