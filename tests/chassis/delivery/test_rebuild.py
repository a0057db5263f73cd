"""A read model built anew equals the old one, takes its place at once, and keeps its keys, indexes and references."""

import asyncio
import random
from uuid import UUID

import asyncpg
import pytest

from chassis import checkpoints, dead_letters
from chassis.bus import Bus
from chassis.ids import new_id
from chassis.postgres import describe_schema
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource, StreamSource
from chassis.rebuild import rebuild
from chassis.replay import ReplayDesk
from tests.chassis.delivery.office import POISON, SERVICE, PostOffice, Stops, open_office

Dump = dict[str, list[asyncpg.Record]]


async def dump(office: PostOffice) -> Dump:
    """Every row of the read model, sorted."""
    return {table: await office.pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in Stops.tables}


async def mixed_history(office: PostOffice, parcels: int) -> list[UUID]:
    """Parcels that were moved, moved again from several tasks, and partly delivered."""
    chance = random.Random(7)
    ids = [new_id() for _ in range(parcels)]

    async def live(parcel: UUID) -> None:
        moves = chance.randint(1, 6)
        await office.record(*(f"place {step}" for step in range(moves)), parcel=parcel)
        if chance.random() < 0.5:
            await office.deliver(parcel, moves + 1)

    await asyncio.gather(*map(live, ids))
    return ids


async def projected(office: PostOffice, projection: Stops) -> ProjectionRunner:
    """A running projection that has caught up."""
    runner = ProjectionRunner(projection, LedgerSource(office.store, office.commits), office.codec, office.pool)
    office.run(runner.run())
    assert await runner.caught_up(10)
    return runner


async def again(office: PostOffice, projection: Stops) -> int:
    """Rebuild from the own ledger."""
    return await rebuild(projection, LedgerSource(office.store, office.commits), office.codec, office.pool)


async def test_the_rows_are_the_same_as_before_and_nothing_else_has_changed(office: PostOffice):
    await mixed_history(office, 300)
    await projected(office, Stops())
    rows = await dump(office)
    async with office.pool.acquire() as connection:
        schema = await describe_schema(connection, SERVICE)

        position = await again(office, Stops())

        assert await dump(office) == rows
        assert await describe_schema(connection, SERVICE) == schema
        assert await describe_schema(connection, f"{SERVICE}_shadow") == []
    assert position == await checkpoints.read(office.pool, "stops") == await office.store.head()


async def test_rows_that_somebody_spoilt_are_right_again(office: PostOffice):
    await mixed_history(office, 50)
    await projected(office, Stops())
    rows = await dump(office)
    await office.pool.execute("DELETE FROM stops WHERE number > 1")
    await office.pool.execute("UPDATE parcels SET moves = 0")

    await again(office, Stops())

    assert await dump(office) == rows


async def test_an_empty_read_model_is_filled(office: PostOffice):
    ids = await mixed_history(office, 20)

    await again(office, Stops())

    assert await office.pool.fetchval("SELECT count(*) FROM parcels") == len(ids)


@pytest.mark.parametrize("limit", ["EVENTS_AT_ONCE", "BYTES_AT_ONCE"])
async def test_few_facts_at_once_make_the_same_rows(office: PostOffice, monkeypatch: pytest.MonkeyPatch, limit: str):
    await mixed_history(office, 50)
    await projected(office, Stops())
    rows = await dump(office)
    monkeypatch.setattr("chassis.projection_source.BATCH", 3)
    monkeypatch.setattr(f"chassis.rebuild.{limit}", 1)

    await again(office, Stops())

    assert await dump(office) == rows


async def test_the_planner_knows_the_new_tables_at_once(office: PostOffice):
    await mixed_history(office, 300)

    await again(office, Stops())

    assert await office.pool.fetchval("SELECT reltuples FROM pg_class WHERE oid = 'parcels'::regclass") == 300


async def test_references_from_outside_survive(office: PostOffice):
    (parcel,) = await mixed_history(office, 1)
    await projected(office, Stops())
    await office.pool.execute("INSERT INTO notes VALUES ($1, 'fragile')", parcel)

    await again(office, Stops())

    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await office.pool.execute("INSERT INTO notes VALUES ($1, 'unknown parcel')", new_id())
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await office.pool.execute("INSERT INTO stops VALUES ($1, 1, 'x')", new_id())


async def test_writing_and_reading_go_on_meanwhile(office: PostOffice):
    await mixed_history(office, 200)
    runner = await projected(office, Stops())
    seen: list[int] = []
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            seen.append(await office.pool.fetchval("SELECT count(*) FROM parcels"))

    reading = asyncio.create_task(read())
    writing = asyncio.create_task(mixed_history(office, 200))
    await again(office, Stops())
    await writing
    assert await runner.caught_up(10)
    done.set()
    await reading

    assert seen == sorted(seen)
    assert seen[0] >= 200
    rows = await dump(office)
    await again(office, Stops())
    assert await dump(office) == rows


async def test_a_reader_that_holds_the_old_tables_delays_the_swap_but_does_not_fail_it(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chassis.rebuild.LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr("chassis.rebuild.SWAP_DELAY_SECONDS", 0.02)
    await mixed_history(office, 20)
    await projected(office, Stops())
    async with office.pool.acquire() as reader:
        async with reader.transaction():
            rows = await reader.fetch("SELECT * FROM parcels ORDER BY id")
            rebuilding = asyncio.create_task(again(office, Stops()))
            _, pending = await asyncio.wait([rebuilding], timeout=0.3)
            assert pending
            assert await reader.fetch("SELECT * FROM parcels ORDER BY id") == rows
        await rebuilding

    assert (await dump(office))["parcels"] == rows


async def test_a_fact_that_was_put_aside_is_folded_when_the_code_is_mended(office: PostOffice, monkeypatch):
    monkeypatch.setattr("chassis.folding.FIRST_DELAY_SECONDS", 0.001)
    await office.record("a")
    await office.record(POISON)
    await projected(office, Stops())
    mended = Stops()
    mended.poisoned = False
    async with office.pool.acquire() as connection:
        assert await dead_letters.count(connection) == 1

        await again(office, mended)

        assert await dead_letters.count(connection) == 0
    assert await office.pool.fetchval("SELECT count(*) FROM stops") == 2


async def test_a_rebuild_that_fails_leaves_everything_as_it_was(office: PostOffice):
    await mixed_history(office, 20)
    await projected(office, Stops())
    rows = await dump(office)

    class Broken(Stops):
        tables = ("parcels", "stops", "no_such_table")

    with pytest.raises(asyncpg.UndefinedTableError):
        await again(office, Broken())

    assert await dump(office) == rows


async def test_a_read_model_of_another_service_is_rebuilt_from_its_owner(office: PostOffice, bus: Bus, post_dsn: str):
    await mixed_history(office, 300)
    async with ReplayDesk(bus, SERVICE, office.store), open_office(post_dsn, bus, "customs") as customs:
        await rebuild(Stops(), StreamSource(bus, SERVICE, "customs_stops"), customs.codec, customs.pool)

        await again(office, Stops())
        assert await dump(customs) == await dump(office)
