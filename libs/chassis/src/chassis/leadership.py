"""One process at a time does it, the others stand by: a session advisory lock on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from chassis.clock import monotonic
from chassis.postgres import end, is_lost, lock_key

STANDBY_SECONDS = 1.0
"""How often a standby asks whether the place is free, hence how long a takeover takes at most."""
SILENT_SECONDS = 10.0
"""Who leads and says nothing for so long stands still: Postgres ends its session, and another one leads."""
CONFIRMED_SECONDS = 2.0
"""How often who leads and has nothing to write says that it does not stand still."""

BE_IMPATIENT = "SET idle_session_timeout = {0}; SET idle_in_transaction_session_timeout = {0}"
LET_GO = "RESET idle_session_timeout; RESET idle_in_transaction_session_timeout; SELECT pg_advisory_unlock({0})"


class Lead:
    """The right to do one thing alone; ends with the connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """`connection` holds the lock."""
        self.connection = connection
        self._confirmed_at = monotonic()

    async def confirm(self) -> None:
        """Say that this process still leads; raises `ConnectionError` when it does not.

        To be called more often than the patience of the `Leadership` lasts.
        """
        if is_lost(self.connection):
            raise ConnectionError("the connection that holds the lock is gone")
        if monotonic() - self._confirmed_at > CONFIRMED_SECONDS:
            await self.connection.execute("SELECT 1")
            self._confirmed_at = monotonic()


class Leadership:
    """A place within a schema that one process has at a time."""

    def __init__(self, pool: asyncpg.Pool, *words: str, silent_seconds: float = SILENT_SECONDS) -> None:
        """`words` name the thing within the schema that the pool's connections see."""
        self._pool = pool
        self._words = words
        self._silent_milliseconds = round(silent_seconds * 1000)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Lead]:
        """Wait until the place is free, then give the connection whose life is the leadership's life."""
        connection, key = await self._locked()
        try:
            yield Lead(connection)
        finally:
            await self._give_back(connection, key)

    async def _locked(self) -> tuple[asyncpg.Connection, int]:
        while True:
            connection = await self._pool.acquire()
            try:
                schema = await connection.fetchval("SELECT current_schema()")
                key = lock_key(str(schema), *self._words)
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                    await connection.execute(BE_IMPATIENT.format(self._silent_milliseconds))
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
                await connection.execute(LET_GO.format(key))
                await self._pool.release(connection)
            except BaseException:
                await end(self._pool, connection)
                raise
