"""A projection of the own ledger: rows and checkpoint move together, one writer at a time, and no fact can stop it."""

import asyncio

import pytest

from chassis import checkpoints, dead_letters, projection_runner
from chassis.ids import new_id
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource
from tests.chassis.delivery.office import POISON, PostOffice, Stops
from tests.chassis.parcels import ParcelDelivered
from tests.support.eventually import eventually


def runner_of(office: PostOffice, projection: Stops | None = None) -> ProjectionRunner:
    """A runner of the stops that is not started yet."""
    source = LedgerSource(office.store, office.commits)
    return ProjectionRunner(projection or Stops(), source, office.codec, office.pool)


async def places(office: PostOffice) -> list[str]:
    """Every place in the read model, in the order of the facts of one parcel."""
    return [row["place"] for row in await office.pool.fetch("SELECT place FROM stops ORDER BY parcel, number")]


async def test_what_was_recorded_is_in_the_rows_and_the_checkpoint_says_so(office: PostOffice):
    runner = runner_of(office)
    before = await office.record("Lisbon", "Porto")
    office.run(runner.run())
    assert await runner.wait_for(before, 10)

    after = await office.record("Faro")

    assert await runner.wait_for(after, 10)
    assert await places(office) == ["Lisbon", "Porto", "Faro"]
    assert await checkpoints.read(office.pool, "stops") == after == runner.position


async def test_many_facts_become_few_batches(office: PostOffice):
    projection = Stops()
    runner = runner_of(office, projection)
    await office.record_many(1_000)

    office.run(runner.run())

    assert await runner.caught_up(10)
    assert sum(projection.batches) == 1_000
    assert len(projection.batches) <= 3


async def test_a_reader_waits_for_a_position_only_so_long(office: PostOffice):
    runner = runner_of(office)
    office.run(runner.run())

    assert not await runner.wait_for(1_000, timeout=0.1)


async def test_a_process_that_stands_by_can_be_asked_too_and_takes_over(office: PostOffice):
    first, second = runner_of(office), runner_of(office)
    office.run(first.run())
    await eventually(lambda: first.leading)
    office.run(second.run())
    position = await office.record("Lisbon")

    assert await second.wait_for(position, 10)
    assert await second.caught_up()
    assert (first.leading, second.leading) == (True, False)

    await office.stop(office.tasks[0])
    position = await office.record("Porto")

    assert await second.wait_for(position, 5)
    assert second.leading


async def test_what_was_read_before_this_process_led_takes_nothing_back(office: PostOffice, monkeypatch):
    runner = runner_of(office)
    position = await office.record("Lisbon")
    read = checkpoints.read

    async def read_and_dawdle(connection, projection: str) -> int:
        found = await read(connection, projection)
        if connection is office.pool:
            await eventually(lambda: runner.position == position)
        return found

    monkeypatch.setattr(checkpoints, "read", read_and_dawdle)
    office.run(runner.run())

    assert await runner.wait_for(position, 2)
    assert runner.position == position


async def test_commits_of_another_process_arrive_without_waiting_for_the_poll(office: PostOffice, monkeypatch):
    monkeypatch.setattr("chassis.projection_source.WAIT_SECONDS", 30.0)
    runner = runner_of(office)
    office.run(runner.run())
    await eventually(lambda: runner.leading)
    position = await office.record("Lisbon")
    assert await runner.wait_for(position, 10)

    # Behind the back of this process's store, as another process would.
    later = await office.pool.fetchval(
        "INSERT INTO events (originator_id, originator_version, topic, state, event_id) "
        "SELECT $1, 1, topic, state, $1 FROM events RETURNING notification_id",
        new_id(),
    )
    await office.bus.nc.publish(office.bus.subject("committed", "post"), str(later).encode())

    assert await runner.wait_for(later, 10)


async def test_a_fact_that_keeps_raising_is_put_aside_and_the_others_go_on(office: PostOffice, monkeypatch):
    monkeypatch.setattr("chassis.folding.FIRST_DELAY_SECONDS", 0.001)
    runner = runner_of(office)
    await office.record("Lisbon")
    poison = await office.record(POISON)
    last = await office.record("Porto")

    office.run(runner.run())

    assert await runner.wait_for(last, 10)
    assert await office.pool.fetchval("SELECT array_agg(place ORDER BY place) FROM stops") == ["Lisbon", "Porto"]
    async with office.pool.acquire() as connection:
        (letter,) = await dead_letters.dead_letters(connection, "stops")
        assert (letter.position, letter.topic, letter.source) == (poison, "ParcelMoved", "post")
        assert letter.error == "ValueError: nobody lives there"
        assert b"nowhere" in letter.payload
        assert await dead_letters.count(connection) == 1
        assert await dead_letters.discard(connection, [letter.id], "nobody lives there indeed") == 1
        assert await dead_letters.discard(connection, [letter.id], "twice") == 0
        assert await dead_letters.count(connection, "stops") == 0
        assert await dead_letters.dead_letters(connection) == []


@pytest.mark.parametrize(
    ("topic", "state"),
    [("ParcelSold", b"{}"), ("ParcelMoved", b"{]")],
    ids=["a topic nobody knows", "no JSON"],
)
async def test_a_fact_that_no_code_can_read_is_put_aside_with_the_others_folded(office: PostOffice, topic, state):
    projection = Stops()
    runner = runner_of(office, projection)
    unreadable = await office.record_bytes(topic, state)
    last = await office.record("Porto")

    office.run(runner.run())

    assert await runner.wait_for(last, 10)
    assert projection.batches == [1]
    async with office.pool.acquire() as connection:
        (letter,) = await dead_letters.dead_letters(connection)
        assert (letter.position, letter.topic, letter.payload) == (unreadable, topic, state)
        assert letter.error.startswith("Unreadable: ")


async def test_a_lost_connection_costs_neither_rows_nor_facts(office: PostOffice):
    runner = runner_of(office)
    office.run(runner.run())
    await eventually(lambda: runner.leading)
    recording = asyncio.create_task(office.record_many(300))

    await office.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks "
        "WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND pid <> pg_backend_pid()"
    )
    positions = await recording

    assert await runner.wait_for(max(positions), 10)
    assert len(await places(office)) == 300
    async with office.pool.acquire() as connection:
        assert await dead_letters.count(connection) == 0


async def test_what_it_does_not_read_moves_its_checkpoint_and_is_passed_over(office: PostOffice):
    stops = Stops()
    stops.reads = (ParcelDelivered,)
    runner = runner_of(office, stops)
    office.run(runner.run())

    position = await office.record("Lisbon")
    assert await runner.wait_for(position, 10)

    assert stops.batches == []
    assert await checkpoints.read(office.pool, "stops") == position


async def test_facts_come_together_until_somebody_waits_for_them(office: PostOffice, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(projection_runner, "PACE_SECONDS", 60.0)
    stops = Stops()
    runner = runner_of(office, stops)
    office.run(runner.run())
    assert await runner.wait_for(await office.record("Lisbon"))

    for place in ("Porto", "Faro", "Braga", "Evora"):
        position = await office.record(place)

    assert await runner.wait_for(position, 10)
    assert sum(stops.batches) == 5
    assert len(stops.batches) <= 3
