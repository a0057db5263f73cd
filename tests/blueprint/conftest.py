"""A ledger and a read model of the blueprint service on a real Postgres."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from blueprint.domain import Blueprint
from blueprint.projections import BlueprintsProjection
from chassis.event_store import PostgresEventStore
from chassis.migrations import migrate_up
from chassis.postgres import lock_key, open_pool
from chassis.streams import Streams
from tests.blueprint.shelf import PACKAGES, SCHEMA, Shelf


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the service's schema, with all its tables, empty."""
    async with await open_pool(postgres_dsn, SCHEMA, min_size=1, max_size=6) as pool:
        async with pool.acquire() as connection:
            await migrate_up(connection, PACKAGES, SCHEMA)
        yield pool


@pytest.fixture
async def shelf(pool: asyncpg.Pool) -> AsyncIterator[Shelf]:
    """Recorded blueprints and their rows."""
    store = PostgresEventStore(pool, lock_key=lock_key(SCHEMA))
    yield Shelf(pool, store, Streams(store, Blueprint), BlueprintsProjection())
    await store.close()
