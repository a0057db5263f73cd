"""A projection of another service's stream: gaps are closed by the owner; copies and lost streams change nothing."""

from collections.abc import AsyncIterator

import pytest

from chassis import dead_letters
from chassis.bus import Bus
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import StreamSource
from chassis.replay import ReplayDesk, replay, replay_page
from contracts.refusal import Unavailable
from tests.chassis.delivery.office import SERVICE, PostOffice, Stops, open_office
from tests.support.eventually import eventually


@pytest.fixture
async def customs(post_dsn: str, bus: Bus) -> AsyncIterator[PostOffice]:
    """Another service, which follows the post."""
    async with open_office(post_dsn, bus, "customs") as customs:
        yield customs


@pytest.fixture
async def desk(office: PostOffice, bus: Bus) -> AsyncIterator[ReplayDesk]:
    """The post answers replays."""
    async with ReplayDesk(bus, SERVICE, office.store) as desk:
        yield desk


def following(customs: PostOffice) -> ProjectionRunner:
    """A runner that follows the post, started."""
    source = StreamSource(customs.bus, SERVICE, "customs_stops")
    runner = ProjectionRunner(Stops(), source, customs.codec, customs.pool)
    customs.run(runner.run())
    return runner


async def count(customs: PostOffice) -> int:
    """Moves in customs' read model."""
    return int(await customs.pool.fetchval("SELECT count(*) FROM stops"))


async def test_what_the_post_publishes_is_in_the_rows_of_the_other(office: PostOffice, customs: PostOffice, desk):
    office.relay()
    runner = following(customs)
    await office.record_many(200)

    last = await office.record("Lisbon")

    assert await runner.wait_for(last, 10)
    assert await count(customs) == 201


async def test_without_an_owner_that_replays_the_stream_alone_is_enough(office: PostOffice, customs: PostOffice):
    relay = office.relay()
    positions = await office.record_many(50)
    assert await relay.wait_for(max(positions), 10)

    runner = following(customs)

    assert await runner.wait_for(max(positions), 10)
    assert await runner.caught_up()
    assert await count(customs) == 50


async def test_what_was_folded_is_not_folded_again_after_a_restart(office: PostOffice, customs: PostOffice, desk):
    office.relay()
    first = following(customs)
    before = await office.record_many(50)
    assert await first.wait_for(max(before), 10)
    await customs.stop()

    after = await office.record_many(50)
    second = following(customs)

    assert await second.wait_for(max(after), 10)
    assert await count(customs) == 100


async def test_a_hole_in_the_stream_is_filled_by_the_owner(office: PostOffice, customs: PostOffice, bus: Bus):
    runner = following(customs)
    relay = office.relay()
    first = await office.record("a")
    assert await runner.wait_for(first, 10)
    await customs.stop()
    positions = sorted(await office.record_many(20))
    assert await relay.wait_for(positions[-1], 10)
    for sequence in range(3, 12):
        await bus.js.delete_msg(bus.stream(SERVICE), sequence)

    again = following(customs)
    # Nobody fills the hole yet: the projection stands before it.
    assert await again.wait_for(positions[0], 5)
    assert not await again.wait_for(positions[1], 0.5)
    async with ReplayDesk(bus, SERVICE, office.store):
        assert await again.wait_for(positions[-1], 10)

    assert await count(customs) == 21


async def test_a_stream_that_is_lost_while_running_loses_nothing(
    office: PostOffice, customs: PostOffice, bus: Bus, desk
):
    relay, runner = office.relay(), following(customs)
    before = await office.record_many(30)
    assert await runner.wait_for(max(before), 10)

    await bus.js.delete_stream(bus.stream(SERVICE))
    after = await office.record_many(30)

    assert await relay.wait_for(max(after), 10)
    assert await runner.wait_for(max(after), 10)
    assert await count(customs) == 60


async def test_events_that_only_the_ledger_still_has_are_found_without_a_new_one(
    office: PostOffice, customs: PostOffice, bus: Bus, desk
):
    relay = office.relay()
    positions = await office.record_many(30)
    assert await relay.wait_for(max(positions), 10)
    await bus.js.purge_stream(bus.stream(SERVICE))

    runner = following(customs)

    assert await runner.wait_for(max(positions), 10)
    assert await count(customs) == 30


async def test_what_somebody_waits_for_is_asked_of_the_owner_while_the_stream_says_nothing(
    office: PostOffice, customs: PostOffice, bus: Bus, desk
):
    leader, standby = following(customs), following(customs)
    relay = office.relay()
    first = await office.record("a")
    assert await relay.wait_for(first, 10)
    assert await leader.wait_for(first, 10)
    assert await standby.wait_for(first, 10)
    await office.stop()
    await bus.js.delete_stream(bus.stream(SERVICE))

    for runner in (leader, standby):
        assert await runner.wait_for(await office.record("b"), 2)

    assert [leader.leading, standby.leading].count(True) == 1
    assert relay.position == first
    assert await count(customs) == 3


async def test_copies_change_nothing(office: PostOffice, customs: PostOffice, bus: Bus, desk):
    relay, runner = office.relay(), following(customs)
    positions = await office.record_many(10)
    assert await runner.wait_for(max(positions), 10)
    await office.stop()
    # A relay that starts over on a new stream publishes everything a second time.
    await office.pool.execute("UPDATE relay SET position = 0")
    await bus.js.delete_stream(bus.stream(SERVICE))
    relay = office.relay()

    last = await office.record("z")

    assert await relay.wait_for(last, 10)
    assert await runner.wait_for(last, 10)
    assert await count(customs) == 11


async def test_a_message_that_no_relay_made_goes_to_the_dead_letters(
    office: PostOffice, customs: PostOffice, bus: Bus, desk
):
    runner = following(customs)
    office.relay()
    first = await office.record("a")
    assert await runner.wait_for(first, 10)
    # A consumer brings only what is published once it is there.
    await eventually(lambda: bus.js.consumers_info(bus.stream(SERVICE)))

    await bus.js.publish(bus.subject(SERVICE, "Nonsense", "1"), b"?")
    last = await office.record("b")

    assert await runner.wait_for(last, 10)

    async def letters() -> list[dead_letters.DeadLetter]:
        async with customs.pool.acquire() as connection:
            return list(await dead_letters.dead_letters(connection))

    # On a slow machine the owner may have told of `last` before the message came.
    (letter,) = await eventually(letters)
    assert (letter.position, letter.topic, letter.payload) == (0, bus.subject(SERVICE, "Nonsense", "1"), b"?")


async def test_an_event_larger_than_the_bus_takes_is_fetched_from_the_owner(
    office: PostOffice, customs: PostOffice, bus: Bus, desk
):
    runner = following(customs)
    office.relay()
    place = "x" * (2 * bus.nc.max_payload + 5)

    last = await office.record("a", place, "b")

    assert await runner.wait_for(last, 10)
    assert await customs.pool.fetchval("SELECT max(length(place)) FROM stops") == len(place)


async def test_a_replay_tells_the_whole_ledger_in_order(office: PostOffice, bus: Bus, desk):
    positions = sorted(await office.record_many(1_200))

    pages = [page async for page in replay(bus, SERVICE)]

    assert [len(page.events) for page in pages] == [500, 500, 200]
    assert [recorded for page in pages for recorded in page.events] == await office.store.read_after(0, 2_000)
    page = await replay_page(bus, SERVICE, positions[9], limit=5)
    assert [recorded.position for recorded in page.events] == positions[10:15]
    assert page.more


async def test_a_replay_without_an_owner_says_so(bus: Bus):
    with pytest.raises(Unavailable, match="no post service"):
        await replay_page(bus, SERVICE, 0)


async def test_a_second_process_takes_over_the_stream(office: PostOffice, customs: PostOffice, desk):
    office.relay()
    first = following(customs)
    await eventually(lambda: first.leading)
    second = following(customs)
    before = await office.record_many(20)
    assert await second.wait_for(max(before), 10)
    assert not second.leading

    await customs.stop(customs.tasks[0])
    after = await office.record_many(20)

    assert await second.wait_for(max(after), 10)
    assert second.leading
    assert await count(customs) == 40
