"""One process at a time does it, the others stand by: a session advisory lock on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from chassis.postgres import lock_key

STANDBY_SECONDS = 1.0
"""How often a standby asks whether the place is free, hence how long a takeover takes at most."""


class Leadership:
    """The right to do one thing alone within a schema. Ends with the connection that holds the lock."""

    def __init__(self, pool: asyncpg.Pool, *words: str) -> None:
        """`words` name the thing within the schema that the pool's connections see."""
        self._pool = pool
        self._words = words

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncpg.Connection]:
        """Wait until the place is free, then give the connection whose life is the leadership's life."""
        connection = await self._locked()
        try:
            yield connection
        finally:
            # Giving it back resets the session, which lets go of the lock.
            await self._pool.release(connection)

    async def _locked(self) -> asyncpg.Connection:
        while True:
            connection = await self._pool.acquire()
            try:
                schema = await connection.fetchval("SELECT current_schema()")
                key = lock_key(str(schema), *self._words)
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                    return connection
            except BaseException:
                await self._pool.release(connection)
                raise
            await self._pool.release(connection)
            await asyncio.sleep(STANDBY_SECONDS)
