"""Savers on an empty ledger, and small graphs for them."""

from collections.abc import AsyncIterator

import pytest

from chassis.event_store import PostgresEventStore
from chassis.postgres import lock_key, open_pool


@pytest.fixture
async def store(execution_dsn: str) -> AsyncIterator[PostgresEventStore]:
    """The ledger of the execution service."""
    async with await open_pool(execution_dsn, "execution", min_size=1, max_size=4) as pool:
        store = PostgresEventStore(pool, lock_key=lock_key("ledger", "execution"))
        yield store
        await store.close()
