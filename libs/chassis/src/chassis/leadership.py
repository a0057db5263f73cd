"""One process at a time does it, the others stand by: a session advisory lock on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from chassis.postgres import end, lock_key

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
        connection, key = await self._locked()
        try:
            yield connection
        finally:
            await self._give_back(connection, key)

    async def _locked(self) -> tuple[asyncpg.Connection, int]:
        while True:
            connection = await self._pool.acquire()
            try:
                schema = await connection.fetchval("SELECT current_schema()")
                key = lock_key(str(schema), *self._words)
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                    return connection, key
            except BaseException:
                # Nobody knows whether it has the lock: only its end lets go for certain.
                await end(self._pool, connection)
                raise
            await self._pool.release(connection)
            await asyncio.sleep(STANDBY_SECONDS)

    async def _give_back(self, connection: asyncpg.Connection, key: int) -> None:
        """Let go of the lock: a pool that keeps sessions would keep it, and nobody could lead any more."""
        # What ended the leadership is told, not what kept it from saying goodbye.
        with suppress(Exception):
            try:
                await connection.execute("SELECT pg_advisory_unlock($1)", key)
                await self._pool.release(connection)
            except BaseException:
                await end(self._pool, connection)
                raise
