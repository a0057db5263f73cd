"""The blueprint service in parts (ledger and rows on a real Postgres) and as a whole (on real NATS as well)."""

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from nats.js.errors import NotFoundError

from blueprint.app import SERVICE
from blueprint.domain import Blueprint
from blueprint.projections import BlueprintsProjection
from chassis.bus import Bus
from chassis.event_store import PostgresEventStore
from chassis.postgres import lock_key, open_pool
from chassis.service import running
from chassis.settings import Settings
from chassis.streams import Streams
from tests.blueprint.desk import Desk
from tests.blueprint.shelf import Shelf
from tests.support.lent_databases import LentDatabases, Tables


@pytest.fixture
async def blueprint_dsn(databases: LentDatabases) -> AsyncIterator[str]:
    """A database with the service's schema."""
    async with databases.lend(Tables(SERVICE.name, SERVICE.migrations)) as dsn:
        yield dsn


@pytest.fixture
async def pool(blueprint_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on that schema, with all its tables, empty."""
    async with await open_pool(blueprint_dsn, SERVICE.name, min_size=1, max_size=6) as pool:
        yield pool


@pytest.fixture
async def shelf(pool: asyncpg.Pool) -> AsyncIterator[Shelf]:
    """Recorded blueprints and their rows."""
    store = PostgresEventStore(pool, lock_key=lock_key(SERVICE.name))
    yield Shelf(pool, store, Streams(store, Blueprint), BlueprintsProjection())
    await store.close()


@pytest.fixture
async def settings(blueprint_dsn: str, nats_url: str, namespace: str) -> Settings:
    """What a service process of this test finds in its environment."""
    return Settings.load(postgres_dsn=blueprint_dsn, nats_url=nats_url, namespace=namespace, pool_size=4)


@pytest.fixture
async def desk(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Desk]:
    """The whole service at work, and the way to ask it as the gateway does."""
    async with running(SERVICE, settings) as runtime:
        bus = await Bus.connect(settings.nats_url, settings.namespace, "test")
        yield Desk(bus, runtime, pool)
        with suppress(NotFoundError):  # A test may be over before the relay has made it.
            await bus.js.delete_stream(bus.stream(SERVICE.name))
        await bus.close()
