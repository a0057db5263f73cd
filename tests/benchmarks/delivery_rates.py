"""How fast delivery is on this machine: `python -m tests.benchmarks.delivery_rates` (fsync on, one process)."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import asyncpg

from chassis.answering import Answering
from chassis.bus import Bus
from chassis.ids import new_id
from chassis.ledger import Append
from chassis.logs import configure_logging
from chassis.projection import Fact
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource, Source, StreamSource
from chassis.rebuild import rebuild
from chassis.replay import ReplayDesk
from contracts.message import Caller, Query
from tests.chassis.delivery.office import SERVICE, PostOffice, move, open_office
from tests.chassis.parcels import ParcelMoved
from tests.support.backends import Backend
from tests.support.infrastructure import nats_server, postgres_server

EVENTS = 50_000
REQUESTS = 10_000
REQUESTS_IN_FLIGHT = 64
NAMESPACE = "bench"
INSERT = "INSERT INTO stops SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[])"
INSERT_PARCELS = "INSERT INTO parcels SELECT unnest($1::uuid[]), 1"


class BatchedStops:
    """The read model of parcels, written with two statements a batch."""

    name = "stops"
    source = SERVICE
    reads = (ParcelMoved,)
    tables = ("parcels", "stops")

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        events = [fact.event for fact in facts if isinstance(fact.event, ParcelMoved)]
        ids = [event.originator_id for event in events]
        await rows.execute(INSERT_PARCELS, ids)
        await rows.execute(
            INSERT, ids, [event.originator_version for event in events], [event.place for event in events]
        )


class Echo(Query):
    """Asks for nothing."""

    SERVICE: ClassVar[str] = "echo"
    ANSWER: ClassVar[Any] = dict[str, bool]


async def measured(name: str, count: int, work: Callable[[], Awaitable[Any]]) -> None:
    """Print how many a second `work` does."""
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    rate, cost = count / seconds, 1e6 * cpu_seconds / count
    sys.stdout.write(f"{name:42} {rate:10,.0f}/s   {cost:6.0f} µs CPU each\n")


async def fill(office: PostOffice) -> None:
    """Record the events, a hundred parcels an append."""
    for _ in range(EVENTS // 5_000):
        appends = [Append(parcel := new_id(), (move(parcel, 1, "Lisbon"),)) for _ in range(5_000)]
        await asyncio.gather(*(office.store.append(*appends[at : at + 100]) for at in range(0, 5_000, 100)))


@asynccontextmanager
async def projecting(office: PostOffice, source: Source) -> AsyncIterator[ProjectionRunner]:
    """A runner of the batched projection."""
    runner = ProjectionRunner(BatchedStops(), source, office.codec, office.pool)
    task = office.run(runner.run())
    yield runner
    await office.stop(task)


async def delivery(bus: Bus, dsn: str) -> None:
    """Relay, own projection, foreign projection, rebuild."""
    async with open_office(dsn, bus) as office, open_office(dsn, bus, "customs") as customs:
        await fill(office)
        head = await office.store.head()
        relay = office.relay()
        await measured("relay: published and acknowledged", EVENTS, lambda: relay.wait_for(head, 300))
        async with projecting(office, LedgerSource(office.store, office.commits)) as own:
            await measured("projection of the own ledger", EVENTS, lambda: own.wait_for(head, 300))
        async with projecting(customs, StreamSource(bus, SERVICE, "customs")) as foreign:
            await measured("projection of a stream", EVENTS, lambda: foreign.wait_for(head, 300))
        source = LedgerSource(office.store, office.commits)
        await measured("rebuild", EVENTS, lambda: rebuild(BatchedStops(), source, office.codec, office.pool))
        await customs.pool.execute("UPDATE checkpoints SET position = 0")
        await customs.pool.execute("TRUNCATE parcels, stops, notes")
        async with (
            ReplayDesk(bus, SERVICE, office.store),
            projecting(customs, StreamSource(bus, SERVICE, "c2")) as again,
        ):
            await again.wait_for(1)
            await measured("projection of a replay", EVENTS, lambda: again.wait_for(head, 300))


async def requests(bus: Bus, url: str) -> None:
    """Questions through FastStream, asked and answered in this one process."""

    async def answer(query: Echo, deps: None) -> bytes:
        return b'{"ok":true}'

    answering = Answering("echo", url, NAMESPACE)
    await answering.start({Echo: answer}, None)
    query = Echo(caller=Caller(user_id="anne"))
    slots = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def ask() -> None:
        async with slots:
            await bus.ask(query)

    async def ask_all() -> None:
        await asyncio.gather(*(ask() for _ in range(REQUESTS)))

    await measured(f"requests, {REQUESTS_IN_FLIGHT} in flight", REQUESTS, ask_all)
    await answering.stop(1)


async def main(url: str, dsn: str) -> None:
    """All measurements on these servers."""
    bus = await Bus.connect(url, NAMESPACE, "bench")
    await requests(bus, url)
    await delivery(bus, dsn)
    await bus.close()


if __name__ == "__main__":
    EMBEDDED = Backend("embedded", "a benchmark measures what it starts itself")
    configure_logging("bench", "warning", "text")
    with nats_server(EMBEDDED) as nats_url, postgres_server(EMBEDDED, durable=True) as postgres_dsn:
        asyncio.run(main(nats_url, postgres_dsn))
