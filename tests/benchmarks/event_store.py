"""How many events a second one writer records: `python -m tests.benchmarks.event_store [--seconds 5]`."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from uuid import UUID

from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import Append, NewEvent
from chassis.migrations import migrate_up
from chassis.postgres import lock_key, open_pool
from tests.support.backends import choose
from tests.support.infrastructure import postgres_server

SCHEMA = "benchmark"
STATE = (
    b'{"timestamp":"2025-01-01T00:00:00Z","node_id":"classify","visit":1,"attempt":1,"output":"' + b"x" * 160 + b'"}'
)
METADATA = b'{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}'


@dataclass(frozen=True)
class Load:
    """So many tasks, each appending so many events at a time; to the end of one stream, or to new ones."""

    name: str
    tasks: int
    events: int
    new_streams: bool


LOADS = (
    Load("64 tasks, 1 event each, growing streams", 64, 1, new_streams=False),
    Load("64 tasks, 1 event each, new streams", 64, 1, new_streams=True),
    Load("64 tasks, 5 events each, growing streams", 64, 5, new_streams=False),
    Load("256 tasks, 1 event each, growing streams", 256, 1, new_streams=False),
    Load("1 task, 1 event each", 1, 1, new_streams=False),
)


def _append(stream: UUID, version: int, events: int) -> Append:
    return Append(
        stream, tuple(NewEvent(new_id(), version + step, "NodeCompleted", STATE, METADATA) for step in range(events))
    )


async def _task(store: PostgresEventStore, load: Load, is_over: Callable[[], bool], latencies: list[float]) -> None:
    stream, version = new_id(), 1
    while not is_over():
        started = time.perf_counter()
        await store.append(_append(stream, version, load.events))
        latencies.append(time.perf_counter() - started)
        stream, version = (new_id(), 1) if load.new_streams else (stream, version + load.events)


async def measure(store: PostgresEventStore, load: Load, seconds: float) -> str:
    """Run the load for so long; answers one line of figures."""
    latencies: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    end = started + seconds
    await asyncio.gather(*(_task(store, load, lambda: time.perf_counter() > end, latencies) for _ in range(load.tasks)))
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    events = len(latencies) * load.events
    centiles = quantiles(latencies, n=100)
    return (
        f"{load.name:45} {events / elapsed:9,.0f} events/s   p50 {centiles[49] * 1000:6.2f} ms   "
        f"p99 {centiles[98] * 1000:6.2f} ms   {cpu / events * 1e6:5.1f} us of our CPU each"
    )


async def run(dsn: str, seconds: float) -> None:
    """Print one line for each load, all on one connection."""
    async with await open_pool(dsn, SCHEMA) as pool:
        async with pool.acquire() as connection:
            await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            await migrate_up(connection, ["chassis.ledger_migrations"], SCHEMA)
        store = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
        await measure(store, LOADS[0], 1.0)  # warms caches and plans
        for load in LOADS:
            sys.stdout.write(await measure(store, load, seconds) + "\n")
        await store.close()


def main() -> None:
    """Measure on the server of the environment, else on an embedded one with fsync on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each load runs")
    seconds: float = parser.parse_args().seconds
    backend = choose("HEADRACE_POSTGRES_DSN", os.environ, lambda: "benchmarks want no container in between")
    sys.stdout.write(f"Postgres: {backend}\n")
    with postgres_server(backend, durable=True) as dsn:
        asyncio.run(run(dsn, seconds))


if __name__ == "__main__":
    main()
