"""The way into Postgres: pools that keep to one schema, advisory lock keys, and what a schema consists of."""

import asyncio
import re
from collections.abc import Iterable
from hashlib import blake2b

import asyncpg

SCHEMA_PATTERN = re.compile(r"[a-z_][a-z0-9_]{0,62}")

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
"""A statement that takes longer is cancelled; what takes longer by nature sets its own `timeout`."""
IDLE_IN_TRANSACTION = "60s"
STATEMENT_CACHE = 512

LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""Postgres is away or went away: nobody knows whether the statement was committed (a timeout is an OSError too)."""


async def open_pool(
    dsn: str, schema: str, *, min_size: int = 2, max_size: int = 8, keeps_sessions: bool = False
) -> asyncpg.Pool:
    """A pool whose connections see `schema` and nothing else. The schema need not exist yet.

    Giving a connection back resets its session, which lets go of its locks; where `keeps_sessions` it does not, and a
    statement costs one way to Postgres instead of two.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        statement_cache_size=STATEMENT_CACHE,
        max_cached_statement_lifetime=0,
        reset=_leave_as_it_is if keeps_sessions else None,
        server_settings={
            "search_path": quoted(schema),
            "application_name": f"headrace {schema}",
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
            "jit": "off",
        },
    )


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """An open transaction is rolled back before this; nobody who shares this pool sets anything else."""


def is_lost(connection: asyncpg.Connection) -> bool:
    """Whether a connection of a pool is closed."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        # The pool has taken back a connection that broke, and then it answers no more questions.
        return True


async def end(pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
    """Close a connection of a pool at once, with whatever it holds; the pool makes another one."""
    if not is_lost(connection):
        connection.terminate()
    await pool.release(connection)


async def answers(pool: asyncpg.Pool, seconds: float) -> bool:
    """Whether Postgres answers a question within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await pool.fetchval("SELECT 1")
    except (*LOST, asyncpg.InterfaceError):
        return False
    return True


def quoted(schema: str) -> str:
    """The schema's name as it may stand in SQL; refuses one that only quoting tricks would make legal."""
    if not SCHEMA_PATTERN.fullmatch(schema):
        raise ValueError(f"{schema!r} is not a schema name: use a-z, 0-9 and _, at most 63 of them, no digit first")
    return f'"{schema}"'


def lock_key(*words: str) -> int:
    """The advisory lock key that belongs to these words (advisory locks are per database, not per schema)."""
    return int.from_bytes(blake2b("\x1f".join(words).encode(), digest_size=8).digest(), "big", signed=True)


def array_of(elements: Iterable[str]) -> str:
    """An array as Postgres writes it: one value in a row, though `unnest` takes no arrays of arrays."""
    return "{" + ",".join(elements) + "}"


COLUMNS = """
SELECT format('table %s column %s %s%s%s', relname, attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN ' not null' ELSE '' END,
              coalesce(' default ' || pg_get_expr(adbin, adrelid), ''))
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'm')
"""
INDEXES = """
SELECT format('index %s %s', relname, pg_get_indexdef(indexrelid))
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = to_regnamespace($1)
"""
CONSTRAINTS = """
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = to_regnamespace($1)
"""
OTHERS = """
SELECT format('sequence %s', relname) FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'S'
UNION ALL SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = to_regnamespace($1)
UNION ALL SELECT format('trigger %s', pg_get_triggerdef(pg_trigger.oid))
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = to_regnamespace($1) AND NOT tgisinternal
"""


async def describe_schema(connection: asyncpg.Connection, schema: str) -> list[str]:
    """Everything that the schema consists of, one sorted line each: equal lists mean equal schemas."""
    lines = [
        str(row[0])
        for query in (COLUMNS, INDEXES, CONSTRAINTS, OTHERS)
        for row in await connection.fetch(query, quoted(schema))
    ]
    return sorted(lines)
