"""Which workers are alive: a heartbeat row, and a session lock that Postgres drops the moment a process dies."""

import asyncio
from uuid import UUID

import asyncpg

from chassis.ids import plain_id
from chassis.logs import get_logger
from chassis.postgres import end, is_lost, lock_key

HEARTBEAT_SECONDS = 2.0
LEASE_SECONDS = 10.0
"""A worker whose heartbeat is older is taken for dead, even while its connection stands (Postgres' clock)."""

JOIN = """
INSERT INTO workers (worker_id) VALUES ($1)
ON CONFLICT (worker_id) DO UPDATE SET heartbeat_at = clock_timestamp() RETURNING lock_number
"""
BEAT = "UPDATE workers SET heartbeat_at = clock_timestamp() WHERE worker_id = $1"
UNLOCK = "SELECT pg_advisory_unlock_all()"
LEAVE = "DELETE FROM workers WHERE worker_id = $1"
ALIVE = """
SELECT worker_id FROM workers
JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 2
             AND classid = $1::bigint::oid AND objid = lock_number::bigint::oid
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
WHERE heartbeat_at > clock_timestamp() - make_interval(secs => $2)
"""
FORGET = "DELETE FROM workers WHERE heartbeat_at < clock_timestamp() - interval '1 hour'"

log = get_logger(__name__)


def lock_class_of(schema: str) -> int:
    """The first half of the lock keys of the workers in a schema; the second is a worker's `lock_number`."""
    return lock_key(schema, "workers") & 0x7FFFFFFF


class Leases:
    """This worker's sign of life, and the others'."""

    def __init__(self, pool: asyncpg.Pool, worker_id: UUID) -> None:
        """`pool` sees the execution schema; one of its connections is kept for the lock."""
        self.pool = pool
        self.worker_id = worker_id
        self.connection: asyncpg.Connection | None = None
        self.lock_class = 0

    async def join(self) -> None:
        """Enter the row and take the lock."""
        connection = await self.pool.acquire()
        try:
            schema = await connection.fetchval("SELECT current_schema()")
            self.lock_class = lock_class_of(str(schema))
            number = await connection.fetchval(JOIN, self.worker_id)
            await connection.execute("SELECT pg_advisory_lock($1::int, $2::int)", self.lock_class, number)
        except BaseException:
            await end(self.pool, connection)
            raise
        self.connection = connection

    async def keep(self) -> None:
        """Beat until cancelled; a lost connection is replaced at once."""
        while True:
            try:
                if self.connection is None or is_lost(self.connection):
                    await self.rejoin()
                await self.pool.execute(BEAT, self.worker_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker tries to stay alive
                log.warning("lease.not_renewed", error=repr(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def rejoin(self) -> None:
        """Take the lock on a new connection."""
        if self.connection is not None:
            lost, self.connection = self.connection, None
            await end(self.pool, lost)
        await self.join()

    async def leave(self) -> None:
        """Say goodbye: whatever this worker still owns may be taken over at once."""
        if self.connection is not None:
            await self.pool.execute(LEAVE, self.worker_id)
            await self.connection.execute(UNLOCK)
            await self.pool.release(self.connection)
            self.connection = None

    async def alive(self) -> frozenset[UUID]:
        """The workers that live right now, this one included."""
        rows = await self.pool.fetch(ALIVE, self.lock_class, LEASE_SECONDS)
        return frozenset(plain_id(row["worker_id"]) for row in rows)

    async def forget_the_dead(self) -> None:
        """Remove the rows of workers gone for an hour."""
        await self.pool.execute(FORGET)
