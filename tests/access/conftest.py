"""The access service in parts (ledger and rows on a real Postgres) and as a whole (on real NATS as well)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from access.app import SERVICE
from chassis.postgres import open_pool
from chassis.sealing import new_key
from chassis.settings import Settings
from tests.access.office import Office, opened
from tests.support.lent_databases import LentDatabases, Tables


@pytest.fixture
async def access_dsn(databases: LentDatabases) -> AsyncIterator[str]:
    """A database with the service's schema."""
    async with databases.lend(Tables(SERVICE.name, SERVICE.migrations)) as dsn:
        yield dsn


@pytest.fixture
async def pool(access_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on that schema, with all its tables, empty."""
    async with await open_pool(access_dsn, SERVICE.name, min_size=1, max_size=6) as pool:
        yield pool


@pytest.fixture
async def settings(access_dsn: str, nats_url: str, namespace: str) -> Settings:
    """What a service process of this test finds in its environment."""
    return Settings.load(
        postgres_dsn=access_dsn, nats_url=nats_url, namespace=namespace, pool_size=4, sealing_key=new_key()
    )


@pytest.fixture
async def office(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Office]:
    """The whole service at work, and the way to ask it as the gateway does."""
    async with opened(settings, pool) as office:
        yield office
