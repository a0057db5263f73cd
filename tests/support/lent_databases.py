"""Databases with the tables of a service: made once for each worker of a run, empty for every test that borrows one.

To make one costs a hundred times what it costs to empty one, and a thousand tests want one.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex

import asyncpg

from chassis.migrations import migrate_up
from chassis.postgres import describe_schema, quoted
from tests.support.eventually import eventually
from tests.support.infrastructure import database_dsn

GROWN_BYTES = 2 * 1024 * 1024
"""Deleted rows go on taking room; tables that have grown so large are made anew."""

SCHEMAS = """
SELECT format('schema %s', nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY nspname
"""
MIGRATED = "SELECT format('migration %s', found) FROM {schema}.schema_migrations AS found ORDER BY found"
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname = ANY($1) AND tablename <> 'schema_migrations'
"""
SIZE = "SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest($1::text[]) AS name"
RESTART = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE schemaname = ANY($1)
"""


@dataclass(frozen=True)
class Tables:
    """A schema: its name, the packages of the migrations that make it, and what else is made in it."""

    schema: str
    packages: tuple[str, ...]
    more: str = ""


Design = tuple[Tables, ...]


@dataclass(frozen=True)
class Database:
    """One that was made, and what it consisted of then."""

    name: str
    pristine: tuple[str, ...]


class LentDatabases:
    """Each is lent to one test at a time; one that comes back with other tables than it had is thrown away."""

    def __init__(self, admin_dsn: str) -> None:
        """`admin_dsn` names a role that may create databases."""
        self._admin_dsn = admin_dsn
        self._idle: defaultdict[Design, list[Database]] = defaultdict(list)

    @asynccontextmanager
    async def lend(self, *tables: Tables) -> AsyncIterator[str]:
        """The DSN of a database with these tables, all empty, as long as the block lasts."""
        idle = self._idle[tables]
        database = idle.pop() if idle else await self._make(tables)
        try:
            yield self._dsn(database.name)
            reusable = await self._clear(database, tables)
        except BaseException:
            await self._drop(database.name)
            raise
        if reusable:
            idle.append(database)
        else:
            await self._drop(database.name)

    async def drop_all(self) -> None:
        """Leave nothing on a server that outlives the run."""
        for idle in self._idle.values():
            while idle:
                await self._drop(idle.pop().name)

    def _dsn(self, name: str) -> str:
        return database_dsn(self._admin_dsn, name)

    async def _make(self, tables: Design) -> Database:
        name = f"headrace_test_{token_hex(6)}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        connection = await asyncpg.connect(self._dsn(name))
        try:
            for each in tables:
                await migrate_up(connection, each.packages, each.schema)
                await connection.execute(f"SET search_path TO {quoted(each.schema)}; {each.more}; RESET search_path")
            return Database(name, await _described(connection, tables))
        finally:
            await connection.close()

    async def _clear(self, database: Database, tables: Design) -> bool:
        """Empty it; False if it is not what it was."""
        connection = await asyncpg.connect(self._dsn(database.name))
        try:

            async def alone() -> bool:
                return not await connection.fetch(OTHERS, database.name)

            await eventually(alone)
            if await _described(connection, tables) != database.pristine:
                return False
            await _empty(connection, [each.schema for each in tables])
            return True
        finally:
            await connection.close()

    async def _drop(self, name: str) -> None:
        await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _administer(self, statement: str) -> None:
        admin = await asyncpg.connect(self._admin_dsn)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()


async def _described(connection: asyncpg.Connection, tables: Design) -> tuple[str, ...]:
    """What the database consists of, migrations that are remembered included."""
    lines = [row[0] for row in await connection.fetch(SCHEMAS)]
    for each in tables:
        lines += await describe_schema(connection, each.schema)
        lines += [row[0] for row in await connection.fetch(MIGRATED.format(schema=quoted(each.schema)))]
    return tuple(lines)


async def _empty(connection: asyncpg.Connection, schemas: list[str]) -> None:
    names = [row[0] for row in await connection.fetch(TABLES, schemas)]
    if await connection.fetchval(SIZE, names) > GROWN_BYTES:
        await connection.execute(f"TRUNCATE {', '.join(names)}")
    else:
        # In one statement, so that what refers to one another goes at the same time.
        parts = ", ".join(f"gone_{number} AS (DELETE FROM {name})" for number, name in enumerate(names))
        await connection.execute(f"WITH {parts} SELECT")
    await connection.execute(RESTART, schemas)
