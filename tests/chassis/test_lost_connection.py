"""A connection that is lost in the middle of a commit: what was recorded is found, what was not is recorded."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import VersionConflict
from chassis.postgres import lock_key, open_pool
from tests.chassis.conftest import SCHEMA
from tests.support.eventually import eventually
from tests.support.ledgers import append
from tests.support.postgres_proxy import PostgresProxy

WRITER = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_advisory_xact_lock%' AND pid <> pg_backend_pid()"
LAST_TOPIC = b"ThingHappened"


@pytest.fixture
async def proxy(ledger_dsn: str) -> AsyncIterator[PostgresProxy]:
    """A door in front of the database whose ledger `pool` sees directly."""
    async with PostgresProxy(ledger_dsn).listening() as proxy:
        yield proxy


@pytest.fixture
async def distant_store(proxy: PostgresProxy) -> AsyncIterator[PostgresEventStore]:
    """A store behind that door."""
    async with await open_pool(proxy.dsn, SCHEMA) as pool:
        store = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
        yield store
        await store.close()


async def test_a_commit_whose_answer_was_lost_is_found_by_its_event_ids(
    proxy: PostgresProxy, distant_store: PostgresEventStore
) -> None:
    await distant_store.append(append(new_id(), 1))
    streams = [new_id() for _ in range(10)]
    heard: list[int] = []
    distant_store.on_commit(heard.append)
    proxy.cut_answer_to(LAST_TOPIC)

    positions = await asyncio.gather(*(distant_store.append(append(stream, 1, 2)) for stream in streams))

    assert proxy.cuts == 1
    ledger = await distant_store.read_after(0, 1000)
    assert [found.version for found in ledger] == [1, *[1, 2] * 10], "recorded once"
    assert positions == [found.position for found in ledger if found.version == 2]
    assert heard[-1] == ledger[-1].position


async def test_a_conflict_found_after_a_lost_answer_is_still_a_conflict(
    proxy: PostgresProxy, distant_store: PostgresEventStore
) -> None:
    stream = new_id()
    await distant_store.append(append(stream, 1))
    proxy.cut_answer_to(LAST_TOPIC)

    with pytest.raises(VersionConflict):
        await distant_store.append(append(stream, 1))

    assert proxy.cuts == 1
    assert len(await distant_store.read(stream)) == 1


async def test_a_backend_that_is_terminated_before_its_commit_is_replaced(
    pool: asyncpg.Pool, postgres_store: PostgresEventStore
) -> None:
    streams = [new_id() for _ in range(10)]
    async with pool.acquire() as other:
        await other.execute("SELECT pg_advisory_lock($1)", lock_key(SCHEMA))
        calls = [asyncio.create_task(postgres_store.append(append(stream, 1))) for stream in streams]
        pid = await eventually(lambda: other.fetchval(f"{WRITER} AND wait_event_type = 'Lock'"))
        await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await other.execute("SELECT pg_advisory_unlock($1)", lock_key(SCHEMA))

    positions = await asyncio.gather(*calls)

    assert len(set(positions)) == 10
    assert len(await postgres_store.read_after(0, 100)) == 10


async def test_writers_survive_one_termination_after_the_other(
    pool: asyncpg.Pool, postgres_store: PostgresEventStore
) -> None:
    terminated: set[int] = set()

    async def write() -> list[int]:
        stream = new_id()
        positions: list[int] = []
        while len(terminated) < 3:
            positions.append(await postgres_store.append(append(stream, len(positions) + 1)))
        return positions

    async def terminate() -> None:
        while len(terminated) < 3:
            pid = await eventually(lambda: pool.fetchval(WRITER))
            await pool.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            terminated.add(pid)

    *written, _ = await asyncio.gather(*(write() for _ in range(16)), terminate())

    ledger = [found.position for found in await postgres_store.read_after(0, 100_000)]
    assert sorted(position for positions in written for position in positions or ()) == ledger
