"""The ledger by itself: how many facts a second one connection records, projects and rebuilds, fsync on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import asyncpg
import uvloop

from chassis.bus import Bus
from chassis.cancelling import cancel
from chassis.codec import Codec
from chassis.commits import Commits
from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import Append, NewEvent
from chassis.logs import configure_logging
from chassis.migrations import migrate_up
from chassis.postgres import lock_key, open_pool
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource
from chassis.rebuild import rebuild
from chassis.relay import Outbox, Relay
from contracts.instance_events import INSTANCE_EVENTS
from execution.projections import Instances
from headrace.services import MIGRATIONS
from tests.benchmarks.contender import percentile
from tests.benchmarks.embedded import postgres_alone
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.histories import DAYS, EVENTS, Past, load
from tests.benchmarks.progress import say
from tests.benchmarks.stack import USER
from tests.support.backends import Backend
from tests.support.infrastructure import nats_server

SERVICE = "execution"
BARS = {"append": 15_000.0, "projection": 10_000.0, "rebuild": 10_000.0}
"""Facts a second."""
HISTORIES = 50_000
BLUEPRINTS = 20
APPEND_SECONDS, WARM_UP_SECONDS = 5.0, 1.0
PATIENCE_SECONDS = 120.0
STATE = (
    b'{"timestamp":"2025-01-01T00:00:00Z","node_id":"classify","visit":1,"attempt":1,"output":"' + b"x" * 160 + b'"}'
)
METADATA = b'{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}'
NATS = Backend("embedded", "a benchmark measures what it starts itself")


@dataclass(frozen=True, slots=True)
class Load:
    """So many callers, each appending so many facts at a time, to the end of one stream or to new ones."""

    callers: int
    facts: int
    new_streams: bool = False

    @property
    def name(self) -> str:
        """In a few words."""
        streams = "new streams" if self.new_streams else "growing streams"
        return f"{self.callers} × {self.facts} facts at a time, {streams}"


LOADS = (Load(64, 1), Load(64, 5), Load(64, 1, new_streams=True), Load(1, 1))
"""The first is judged: the least that each of many runs records at once."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of execution with its read model, and no service on it."""

    pool: asyncpg.Pool
    store: PostgresEventStore
    commits: Commits
    bus: Bus


def measure(folder: Path) -> Sequence[Figure]:
    """Histories that are projected, rebuilt and published; then appends."""
    configure_logging("bench", "warning", "text")
    with nats_server(NATS) as url, postgres_alone(folder) as dsn:
        return uvloop.run(_measured(url, dsn))


async def _measured(url: str, dsn: str) -> Sequence[Figure]:
    async with _ledger(url, dsn) as ledger:
        say("ledger", f"loading {HISTORIES:,} histories")
        blueprints = [new_id() for _ in range(BLUEPRINTS)]
        head = await asyncio.to_thread(load, dsn, Past.of(HISTORIES, blueprints, USER))
        assert head == EVENTS * HISTORIES
        codec, source = Codec(*INSTANCE_EVENTS), LedgerSource(ledger.store, ledger.commits)
        runner = ProjectionRunner(Instances(), source, codec, ledger.pool)
        relay = Relay(ledger.bus, Outbox(SERVICE, ledger.store, ledger.commits), ledger.pool)
        followed = [
            await _timed("projection", head, lambda: _until(runner.run(), runner.wait_for(head, PATIENCE_SECONDS))),
            await _timed("rebuild", head, lambda: rebuild(Instances(), source, codec, ledger.pool)),
            await _timed("relay", head, lambda: _until(relay.run(), relay.wait_for(head, PATIENCE_SECONDS))),
        ]
        return [*[await _appended(ledger.store, load) for load in LOADS], *followed]


@asynccontextmanager
async def _ledger(url: str, dsn: str) -> AsyncIterator[Ledger]:
    connection = await asyncpg.connect(dsn)
    await migrate_up(connection, MIGRATIONS[SERVICE], SERVICE)
    await connection.close()
    bus = await Bus.connect(url, "bench", "bench")
    async with await open_pool(dsn, SERVICE) as pool:
        store = PostgresEventStore(pool, lock_key=lock_key(SERVICE))
        async with Commits(bus, SERVICE) as commits:
            store.on_commit(commits.committed)
            yield Ledger(pool, store, commits, bus)
        await store.close()
    await bus.close()


async def _appended(store: PostgresEventStore, load: Load) -> Figure:
    say("ledger", f"append, {load.name}")
    await _callers(store, load, WARM_UP_SECONDS)
    began, cpu = perf_counter(), process_time()
    latencies_ms = await _callers(store, load, APPEND_SECONDS)
    seconds, cpu_seconds = perf_counter() - began, process_time() - cpu
    facts = len(latencies_ms) * load.facts
    p50, p99 = percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)
    note = f"{1e6 * cpu_seconds / facts:.0f} µs of our processor time each; p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    return _figure("append", facts / seconds, note, load.name, is_judged=load is LOADS[0])


async def _callers(store: PostgresEventStore, load: Load, seconds: float) -> list[float]:
    until = perf_counter() + seconds
    latencies_ms: list[float] = []
    await asyncio.gather(*(_caller(store, load, until, latencies_ms) for _ in range(load.callers)))
    return latencies_ms


async def _caller(store: PostgresEventStore, load: Load, until: float, latencies_ms: list[float]) -> None:
    stream, version = new_id(), 1
    while (began := perf_counter()) < until:
        await store.append(_append(stream, version, load.facts))
        latencies_ms.append((perf_counter() - began) * 1000)
        stream, version = (new_id(), 1) if load.new_streams else (stream, version + load.facts)


def _append(stream: UUID, version: int, facts: int) -> Append:
    events = (NewEvent(new_id(), version + place, "NodeCompleted", STATE, METADATA) for place in range(facts))
    return Append(stream, tuple(events))


async def _until(running: Any, reached: Awaitable[bool]) -> None:
    task = asyncio.create_task(running)
    try:
        assert await reached, f"not within {PATIENCE_SECONDS:g} s"
    finally:
        await cancel(task)


async def _timed(work: str, facts: int, does: Callable[[], Awaitable[Any]]) -> Figure:
    say("ledger", f"{work} of {facts:,} facts")
    began, cpu = perf_counter(), process_time()
    await does()
    seconds, cpu_seconds = perf_counter() - began, process_time() - cpu
    note = f"{1e6 * cpu_seconds / facts:.0f} µs of our processor time each"
    return _figure(work, facts / seconds, note, f"{facts:,} facts of the past {DAYS} days", is_judged=work in BARS)


def _figure(work: str, rate: float, note: str, told: str, *, is_judged: bool) -> Figure:
    name = f"ledger: {work}, {told}"
    value = f"{rate:,.0f} facts/s"
    if not is_judged:
        return Figure(name, value, note=note)
    bar = BARS[work]
    return Figure(name, value, f"≥ {bar:,.0f}", "", judged(rate, bar, more_is_better=True), note)
