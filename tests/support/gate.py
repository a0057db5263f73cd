"""A gate in a ledger: commits of one kind of event wait behind it, so that a writer can be caught between two steps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.support.eventually import eventually

LOCK = 7_205_759
PUT_UP = """
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.topic = '{topic}') EXECUTE FUNCTION wait_at_the_gate();
"""
TAKE_DOWN = "DROP TRIGGER gate ON events; DROP FUNCTION wait_at_the_gate();"
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted)"
PASSED = "SELECT count(*) FROM events WHERE topic = $1"


class Gate:
    """Closed until it is opened: a transaction with such an event has been sent, and is not yet committed."""

    def __init__(self, connection: asyncpg.Connection, topic: str) -> None:
        """`connection` sees the schema of the ledger."""
        self._connection = connection
        self._topic = topic

    async def somebody_waits(self) -> None:
        """Return when a transaction has come to the gate."""
        await eventually(lambda: self._connection.fetchval(WAITING, LOCK))

    async def let_pass(self) -> None:
        """Open it, and return when the transaction is committed."""
        before = await self._connection.fetchval(PASSED, self._topic)
        await self._connection.execute("SELECT pg_advisory_unlock($1)", LOCK)

        async def committed() -> bool:
            return bool(await self._connection.fetchval(PASSED, self._topic) > before)

        await eventually(committed)


@asynccontextmanager
async def gate(dsn: str, schema: str, topic: str) -> AsyncIterator[Gate]:
    """A closed gate for events of this name in the ledger of `schema`."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": schema})
    try:
        await connection.execute(PUT_UP.format(lock=LOCK, topic=topic))
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            yield Gate(connection, topic)
        finally:
            await connection.execute("SELECT pg_advisory_unlock_all()")
            await connection.execute(TAKE_DOWN)
    finally:
        await connection.close()
