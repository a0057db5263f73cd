"""A worker at work for each test that asks for one."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.postgres import open_pool
from tests.execution.lives import Ledger
from tests.support.lent_databases import LentDatabases
from tests.support.mill import TABLES, Mill, milling


@pytest.fixture
async def execution_dsn(databases: LentDatabases) -> AsyncIterator[str]:
    """A database with the schema of the execution service."""
    async with databases.lend(TABLES) as dsn:
        yield dsn


@pytest.fixture
async def mill(execution_dsn: str, nats_url: str, namespace: str) -> AsyncIterator[Mill]:
    """The service with its pipeline as it is."""
    async with milling(execution_dsn, nats_url, namespace) as at:
        yield at


@pytest.fixture
async def pool(execution_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to the schema of the execution service, which is empty."""
    pool = await open_pool(execution_dsn, "execution")
    yield pool
    await pool.close()


@pytest.fixture
async def rows(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """One connection to the read model."""
    async with pool.acquire() as connection:
        yield connection


@pytest.fixture
def ledger() -> Ledger:
    """Nothing told yet."""
    return Ledger()
