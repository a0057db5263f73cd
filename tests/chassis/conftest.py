"""Event stores to test: an empty ledger on Postgres, one in memory, and pools to look behind."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.event_store import PostgresEventStore
from chassis.ledger import EventStore
from chassis.memory import MemoryEventStore
from chassis.postgres import lock_key, open_pool
from tests.support.lent_databases import LentDatabases, Tables

SCHEMA = "ledger"


@pytest.fixture
async def ledger_dsn(databases: LentDatabases) -> AsyncIterator[str]:
    """A database with a schema that holds an empty ledger."""
    async with databases.lend(Tables(SCHEMA, ("chassis.ledger_migrations",))) as dsn:
        yield dsn


@pytest.fixture
async def pool(ledger_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on that schema."""
    async with await open_pool(ledger_dsn, SCHEMA, min_size=1, max_size=8) as pool:
        yield pool


@pytest.fixture
async def postgres_store(pool: asyncpg.Pool) -> AsyncIterator[PostgresEventStore]:
    """The store on that ledger."""
    store = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
    yield store
    await store.close()


@pytest.fixture(params=["postgres", "memory"])
def store(request: pytest.FixtureRequest) -> EventStore:
    """Both stores, one after the other: what one promises, the other keeps."""
    if request.param == "memory":
        return MemoryEventStore()
    found: PostgresEventStore = request.getfixturevalue("postgres_store")
    return found
