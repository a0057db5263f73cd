"""Schemas are made, taken back and made again; a schema that this code does not know is refused."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from chassis.migrations import UnknownSchema, check, migrate_down, migrate_up, migrations_in
from chassis.postgres import describe_schema, open_pool, quoted

SCHEMA = "shop"
MakePackage = Callable[..., str]


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """Makes a package of migrations: `make_package("shop", "CREATE TABLE a ()", …)`, one number for each."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, *ups: str) -> str:
        folder = tmp_path / f"{name}_migrations"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        for number, up in enumerate(ups, start=1):
            (folder / f"{number:04}_step.up.sql").write_text(up)
            down = up.partition(" (")[0].replace("CREATE", "DROP")
            (folder / f"{number:04}_step.down.sql").write_text(down)
        sys.modules.pop(folder.name, None)
        return folder.name

    return make


@pytest.mark.parametrize("service", ["blueprint", "execution", "metrics", "access"])
async def test_up_down_up_gives_the_same_schema(connection: asyncpg.Connection, service: str) -> None:
    packages = ["chassis.ledger_migrations", "chassis.delivery_migrations", f"{service}.migrations"]
    applied = await migrate_up(connection, packages, SCHEMA)
    first = await describe_schema(connection, SCHEMA)
    taken_back = await migrate_down(connection, packages, SCHEMA)
    bare = await describe_schema(connection, SCHEMA)
    await migrate_up(connection, packages, SCHEMA)

    assert [step.key for step in taken_back] == [step.key for step in reversed(applied)]
    assert all("schema_migrations" in line for line in bare), "down leaves nothing but the list of migrations"
    assert await describe_schema(connection, SCHEMA) == first
    assert any(line.startswith("table events column notification_id bigint not null") for line in first)


async def test_packages_are_applied_in_order_and_once(
    connection: asyncpg.Connection, make_package: MakePackage
) -> None:
    base = make_package("base", "CREATE TABLE parents (id int PRIMARY KEY)")
    more = make_package("more", "CREATE TABLE children (id int REFERENCES parents)", "CREATE TABLE toys (id int)")

    applied = await migrate_up(connection, [base, more], SCHEMA)

    assert [str(step) for step in applied] == [
        "base_migrations/0001_step",
        "more_migrations/0001_step",
        "more_migrations/0002_step",
    ]
    assert await migrate_up(connection, [base, more], SCHEMA) == []
    await check(connection, [base, more], SCHEMA)


async def test_down_stops_at_the_number_asked_for(connection: asyncpg.Connection, make_package: MakePackage) -> None:
    shop = make_package("shop", *(f"CREATE TABLE t{number} (id int)" for number in (1, 2, 3)))
    await migrate_up(connection, [shop], SCHEMA)

    taken_back = await migrate_down(connection, [shop], SCHEMA, to=1)

    assert [step.number for step in taken_back] == [3, 2]
    assert await connection.fetchval(f"SELECT to_regclass('{SCHEMA}.t1') IS NOT NULL")
    assert await connection.fetchval(f"SELECT to_regclass('{SCHEMA}.t2') IS NULL")


async def test_a_migration_that_fails_leaves_those_before_it_and_nothing_of_itself(
    connection: asyncpg.Connection, make_package: MakePackage
) -> None:
    shop = make_package("shop", "CREATE TABLE good (id int)", "CREATE TABLE bad (id int); SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate_up(connection, [shop], SCHEMA)

    tables = {line.split()[1] for line in await describe_schema(connection, SCHEMA) if line.startswith("table")}
    assert tables == {"good", "schema_migrations"}
    with pytest.raises(UnknownSchema, match=r"lacks shop_migrations/0002_step: run `headrace migrate`"):
        await check(connection, [shop], SCHEMA)


async def test_a_schema_from_the_future_is_refused(connection: asyncpg.Connection, make_package: MakePackage) -> None:
    await migrate_up(connection, [make_package("shop", "CREATE TABLE a (id int)")], SCHEMA)
    known = make_package("other", "CREATE TABLE b (id int)")

    for attempt in (check, migrate_up, migrate_down):
        with pytest.raises(UnknownSchema, match="shop_migrations/0001_step, which this code does not know"):
            await attempt(connection, [known], SCHEMA)


async def test_an_edited_migration_is_refused(connection: asyncpg.Connection, make_package: MakePackage) -> None:
    await migrate_up(connection, [make_package("shop", "CREATE TABLE a (id int)")], SCHEMA)
    edited = make_package("shop", "CREATE TABLE a (id bigint)")

    for attempt in (check, migrate_up):
        with pytest.raises(UnknownSchema, match="was edited"):
            await attempt(connection, [edited], SCHEMA)


async def test_a_database_without_the_schema_lacks_everything(connection: asyncpg.Connection) -> None:
    with pytest.raises(UnknownSchema, match=r"lacks chassis\.ledger_migrations/0001_ledger"):
        await check(connection, ["chassis.ledger_migrations"], SCHEMA)


async def test_a_role_that_may_not_create_the_schema_is_told_who_may(
    connection: asyncpg.Connection, make_package: MakePackage, namespace: str
) -> None:
    await connection.execute(f"CREATE ROLE {namespace}; SET ROLE {namespace}")

    with pytest.raises(UnknownSchema, match=f'CREATE SCHEMA "shop" AUTHORIZATION "{namespace}"'):
        await migrate_up(connection, [make_package("shop", "CREATE TABLE a (id int)")], SCHEMA)

    await connection.execute(f"RESET ROLE; DROP ROLE {namespace}")


async def test_the_connection_looks_where_it_looked_before(connection: asyncpg.Connection) -> None:
    before = await connection.fetchval("SHOW search_path")

    await migrate_up(connection, ["chassis.ledger_migrations"], SCHEMA)

    assert await connection.fetchval("SHOW search_path") == before


async def test_a_pool_sees_its_own_schema_alone(postgres_dsn: str, connection: asyncpg.Connection) -> None:
    await connection.execute("CREATE TABLE public.stranger (id int)")
    await migrate_up(connection, ["chassis.ledger_migrations"], SCHEMA)

    async with await open_pool(postgres_dsn, SCHEMA) as pool:
        assert await pool.fetchval("SELECT count(*) FROM events") == 0
        with pytest.raises(asyncpg.UndefinedTableError):
            await pool.fetch("SELECT * FROM stranger")


@pytest.mark.parametrize("name", ["", "Shop", 'a"b', "1a", "a-b", "x" * 64])
def test_a_schema_name_needs_no_tricks(name: str) -> None:
    with pytest.raises(ValueError, match="is not a schema name"):
        quoted(name)


def test_migrations_are_sorted_by_number(make_package: MakePackage) -> None:
    package = make_package("shop", *("SELECT 1" for _ in range(12)))

    assert [step.number for step in migrations_in([package])] == list(range(1, 13))
