"""Empty twins of tables in a schema beside the real one, and the moment in which they take the real ones' place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from chassis.postgres import quoted

SUFFIX = "_shadow"
BOOKKEEPING = ("checkpoints", "dead_letters")
"""Twinned as well, so that a rebuild keeps its own books with the statements of everyday."""

KEYS = """
SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x') ORDER BY contype, conname
"""
INDEXES = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = $1::text::regclass
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY indexrelid
"""
REFERENCES = """
SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'f' ORDER BY conname
"""
REFERENCES_FROM_OUTSIDE = """
SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY($1::text[]::regclass[]) AND conrelid <> ALL($1::text[]::regclass[])
"""
ON_TABLE = re.compile(r" ON (?:ONLY )?\S+ USING ")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint as it can be made again."""

    owner: str
    name: str
    definition: str

    @property
    def add(self) -> str:
        """The statement that makes it."""
        return f'ALTER TABLE {self.owner} ADD CONSTRAINT "{self.name}" {self.definition}'

    @property
    def drop(self) -> str:
        """The statement that takes it away."""
        return f'ALTER TABLE {self.owner} DROP CONSTRAINT "{self.name}"'


class Shadow:
    """The twin schema of the one that a connection looks at.

    Keys, indexes and foreign keys are made by name from their definitions, because a table made `LIKE` another one
    names them anew, and a later migration would not find what it wants to change.
    """

    def __init__(self, connection: asyncpg.Connection, schema: str, tables: Sequence[str]) -> None:
        """`tables` stand in `schema`, which the connection sees."""
        self._connection = connection
        self._real = quoted(schema)
        self._twin = quoted(schema + SUFFIX)
        self._tables = tuple(tables)

    async def create(self) -> None:
        """Make the twins, empty, and let the connection see them before the real tables."""
        run = self._connection.execute
        await self._make_schema()
        references = [found for table in self._tables for found in await self._constraints(REFERENCES, table)]
        for table in (*self._tables, *BOOKKEEPING):
            await run(f"DROP TABLE IF EXISTS {self._twin}.{table} CASCADE")
            like = f"LIKE {self._real}.{table} INCLUDING ALL EXCLUDING INDEXES"
            await run(f"CREATE TABLE {self._twin}.{table} ({like})")
            await self._copy_keys(table)
        await run(f"SET search_path TO {self._twin}, {self._real}")
        for constraint in references:
            await run(constraint.add)

    async def analyze(self) -> None:
        """Let the planner know the twins before anybody asks them: autovacuum comes by only later."""
        for table in self._tables:
            await self._connection.execute(f"ANALYZE {self._twin}.{table}")

    async def take_over(self) -> None:
        """In the running transaction, put the twins in the place of the real tables."""
        run = self._connection.execute
        await run(f"SET LOCAL search_path TO {self._real}")
        outside = await self._outside_references()
        for constraint in outside:
            await run(constraint.drop)
        await run(f"DROP TABLE {', '.join(self._tables)}")
        for table in self._tables:
            await run(f"ALTER TABLE {self._twin}.{table} SET SCHEMA {self._real}")
        for constraint in outside:
            await run(constraint.add)

    async def close(self) -> None:
        """Drop what is left of the twins and look at the real schema again."""
        for table in (*self._tables, *BOOKKEEPING):
            await self._connection.execute(f"DROP TABLE IF EXISTS {self._twin}.{table} CASCADE")
        await self._connection.execute(f"SET search_path TO {self._real}")

    async def _make_schema(self) -> None:
        if await self._connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", self._twin):
            return
        try:
            await self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._twin}")
        except asyncpg.InsufficientPrivilegeError as error:
            user = await self._connection.fetchval("SELECT current_user")
            raise RuntimeError(
                f"role {user!r} may not create schema {self._twin}: "
                f'run `CREATE SCHEMA {self._twin} AUTHORIZATION "{user}"` as an administrator'
            ) from error

    async def _copy_keys(self, table: str) -> None:
        for key in await self._constraints(KEYS, table):
            await self._connection.execute(Constraint(f"{self._twin}.{table}", key.name, key.definition).add)
        for row in await self._connection.fetch(INDEXES, table):
            definition = ON_TABLE.sub(f" ON {self._twin}.{table} USING ", row[0], count=1)
            await self._connection.execute(definition)

    async def _constraints(self, query: str, table: str) -> list[Constraint]:
        return [Constraint(**row) for row in await self._connection.fetch(query, table)]

    async def _outside_references(self) -> list[Constraint]:
        rows = await self._connection.fetch(REFERENCES_FROM_OUTSIDE, list(self._tables))
        return [Constraint(**row) for row in rows]
