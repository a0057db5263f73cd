"""Numbered SQL files, up and down: each in a transaction of its own, remembered with its checksum."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import asyncpg

from chassis.postgres import is_lost, lock_key, quoted

UP_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.up\.sql")

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    module     text        NOT NULL,
    number     integer     NOT NULL,
    name       text        NOT NULL,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (module, number)
)
"""
APPLIED = "SELECT module, number, name, sha256 FROM schema_migrations"
REMEMBER = "INSERT INTO schema_migrations (module, number, name, sha256) VALUES ($1, $2, $3, $4)"
FORGET = "DELETE FROM schema_migrations WHERE module = $1 AND number = $2"
MIGRATION_SECONDS = 3600.0
"""How long one migration may run, and how long one may wait for another migrator."""

Key = tuple[str, int]


class UnknownSchema(Exception):
    """The database and this code do not agree on the schema; the sentence says how, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of one package, and the way back."""

    module: str
    number: int
    name: str
    up: str
    down: str

    @property
    def key(self) -> Key:
        """What identifies it in the database."""
        return self.module, self.number

    @property
    def checksum(self) -> str:
        """SHA-256 of the way up: an applied migration is never edited."""
        return sha256(self.up.encode()).hexdigest()

    def __str__(self) -> str:
        """As it is spoken of in messages."""
        return _spoken(self.module, self.number, self.name)


def migrations_in(packages: Iterable[str]) -> list[Migration]:
    """The migrations of the packages, package by package, each in the order of their numbers."""
    return [migration for package in packages for migration in sorted(_read(package), key=lambda found: found.number)]


async def migrate_up(connection: asyncpg.Connection, packages: Sequence[str], schema: str) -> list[Migration]:
    """Apply what is missing, in order; answers what was applied. Creates the schema where there is none."""
    async with _alone_in(connection, schema):
        await _create_schema(connection, schema)
        applied = await _applied(connection)
        known = migrations_in(packages)
        _refuse_strangers(known, applied, schema)
        missing = [migration for migration in known if migration.key not in applied]
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.up, timeout=MIGRATION_SECONDS)
                await connection.execute(
                    REMEMBER, migration.module, migration.number, migration.name, migration.checksum
                )
        return missing


async def migrate_down(
    connection: asyncpg.Connection, packages: Sequence[str], schema: str, to: int = 0
) -> list[Migration]:
    """Take back every applied migration with a number above `to`, last one first; answers what was taken back."""
    async with _alone_in(connection, schema):
        applied = await _applied(connection)
        known = migrations_in(packages)
        _refuse_strangers(known, applied, schema)
        unwanted = [found for found in reversed(known) if found.key in applied and found.number > to]
        for migration in unwanted:
            async with connection.transaction():
                await connection.execute(migration.down, timeout=MIGRATION_SECONDS)
                await connection.execute(FORGET, migration.module, migration.number)
        return unwanted


async def check(connection: asyncpg.Connection, packages: Sequence[str], schema: str) -> None:
    """Raise `UnknownSchema` unless the schema is exactly the one that this code was written for."""
    known = migrations_in(packages)
    async with connection.transaction():
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}")
        applied = await _applied(connection)
    _refuse_strangers(known, applied, schema)
    if missing := [migration for migration in known if migration.key not in applied]:
        raise UnknownSchema(f"schema {schema!r} lacks {_list(missing)}: run `headrace migrate`")


async def lacking(
    connection: asyncpg.Connection, packages: Sequence[str], schema: str
) -> tuple[list[Key], list[Migration]]:
    """What is applied, and what `migrate_up` would apply; nothing is changed."""
    async with connection.transaction():
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}")
        applied = await _applied(connection)
    return list(applied), [migration for migration in migrations_in(packages) if migration.key not in applied]


def _read(package: str) -> Iterable[Migration]:
    folder = files(package)
    for file in folder.iterdir():
        if found := UP_FILE.fullmatch(file.name):
            number, name = found.groups()
            down = folder / f"{number}_{name}.down.sql"
            yield Migration(package, int(number), name, file.read_text(), down.read_text())


@asynccontextmanager
async def _alone_in(connection: asyncpg.Connection, schema: str) -> AsyncIterator[None]:
    path = await connection.fetchval("SELECT current_setting('search_path')")
    key = lock_key("migrations", schema)
    await connection.execute("SELECT pg_advisory_lock($1)", key, timeout=MIGRATION_SECONDS)
    try:
        await connection.execute(f"SET search_path TO {quoted(schema)}")
        yield
    finally:
        # A connection that was lost has dropped the lock already.
        if not is_lost(connection):
            await connection.execute("SELECT set_config('search_path', $1, false)", path)
            await connection.execute("SELECT pg_advisory_unlock($1)", key)


async def _create_schema(connection: asyncpg.Connection, schema: str) -> None:
    if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", quoted(schema)):
        try:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        except asyncpg.InsufficientPrivilegeError as error:
            user = await connection.fetchval("SELECT current_user")
            raise UnknownSchema(
                f"schema {schema!r} does not exist and role {user!r} may not create it: "
                f'run `CREATE SCHEMA {quoted(schema)} AUTHORIZATION "{user}"` as an administrator'
            ) from error
    await connection.execute(CREATE_TABLE)


async def _applied(connection: asyncpg.Connection) -> dict[Key, asyncpg.Record]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):
        return {}
    return {(row["module"], row["number"]): row for row in await connection.fetch(APPLIED)}


def _refuse_strangers(known: Sequence[Migration], applied: Mapping[Key, asyncpg.Record], schema: str) -> None:
    by_key = {migration.key: migration for migration in known}
    if strangers := [_spoken(*row[:3]) for key, row in applied.items() if key not in by_key]:
        raise UnknownSchema(
            f"schema {schema!r} has {_list(strangers)}, which this code does not know: run the version that made it"
        )
    if edited := [by_key[key] for key, row in applied.items() if row["sha256"] != by_key[key].checksum]:
        raise UnknownSchema(
            f"{_list(edited)} was edited after schema {schema!r} was made with it: restore the file, add a new one"
        )


def _spoken(module: str, number: int, name: str) -> str:
    return f"{module}/{number:04}_{name}"


def _list(things: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, things)))
