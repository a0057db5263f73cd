"""Whatever others publish on a service's stream: the relay loses no fact, repeats none, and keeps their order."""

import asyncio

from chassis import provision
from chassis.bus import Bus
from chassis.envelope import POSITION, PREVIOUS, recorded_from
from tests.chassis.delivery.office import SERVICE, PostOffice, chain, remembered
from tests.support.eventually import eventually


async def test_a_message_that_no_relay_made_does_not_stop_it(office: PostOffice, bus: Bus):
    relay = office.relay()
    first = await office.record("a")
    assert await relay.wait_for(first, 10)

    await bus.js.publish(bus.subject(SERVICE, "Nonsense", "1"), b"?")
    second = await office.record("b")

    assert await relay.wait_for(second, 10)
    received = await bus.nc.request(
        f"$JS.API.DIRECT.GET.{bus.stream(SERVICE)}",
        b'{"last_by_subj":"%s.post.ParcelMoved.*"}' % bus.namespace.encode(),
    )
    assert recorded_from(received) is not None


async def test_no_stranger_on_the_stream_takes_the_place_of_a_fact(office: PostOffice, bus: Bus):
    relay = office.relay()

    async def meddle() -> None:
        for _ in range(300):
            await bus.nc.publish(bus.subject(SERVICE, "Nonsense", "1"), b"?")
            await asyncio.sleep(0.001)

    office.run(meddle())
    positions = sorted(await office.record_many(400))
    assert await relay.wait_for(positions[-1], 30)
    await office.stop()

    assert await office.published() == chain(positions)


async def test_an_old_fact_that_somebody_publishes_again_makes_nothing_be_published_twice(office: PostOffice, bus: Bus):
    await bus.js.add_stream(provision.event_stream(bus.namespace, SERVICE).evolve(duplicate_window=0.1))
    relay = office.relay()
    before = await office.record_many(20)
    assert await relay.wait_for(max(before), 10)
    await eventually(lambda: remembered(office, max(before)))
    first = await bus.js.get_msg(bus.stream(SERVICE), 1)
    kept = {name: value for name, value in (first.headers or {}).items() if not name.startswith("Nats-Expected")}

    async def is_taken_for_new() -> bool:
        return not (await bus.js.publish(str(first.subject), first.data or b"", headers=kept)).duplicate

    await eventually(is_taken_for_new)
    await office.record("while it leads")
    assert await relay.wait_for(max(before) + 1, 10)
    await eventually(lambda: remembered(office, max(before) + 1))
    await eventually(is_taken_for_new)
    await office.stop()
    after = await office.record("by the next one")
    assert await office.relay().wait_for(after, 10)

    again = [place for place in await office.published() if place == (0, min(before))]
    assert len(again) == 3
    assert [place for place in await office.published() if place not in again] == chain(list(range(1, after + 1)))[1:]


async def test_behind_strangers_messages_the_next_relay_finds_where_the_last_one_was(office: PostOffice, bus: Bus):
    """What it had remembered is older, and the server has forgotten which ids are duplicates."""
    await bus.js.add_stream(provision.event_stream(bus.namespace, SERVICE).evolve(duplicate_window=0.1))
    before = await office.record_many(20)
    assert await office.relay().wait_for(max(before), 10)
    await eventually(lambda: remembered(office, max(before)))
    await office.stop()
    await office.pool.execute("UPDATE relay SET position = 3")
    old = await bus.js.get_msg(bus.stream(SERVICE), max(before))
    kept = {name: value for name, value in (old.headers or {}).items() if not name.startswith("Nats-Expected")}

    async def is_taken_for_new() -> bool:
        return not (await bus.js.publish(str(old.subject), old.data or b"", headers=kept)).duplicate

    await eventually(is_taken_for_new)
    for _ in range(3):
        await bus.js.publish(bus.subject(SERVICE, "Nonsense", "1"), b"?")

    after = await office.record("by the next one")

    assert await office.relay().wait_for(after, 10)
    published = await office.published()
    copy = published.index((max(before) - 1, max(before)), max(before))
    assert [*published[:copy], *published[copy + 1 :]] == chain(list(range(1, after + 1)))


async def test_what_is_published_beyond_the_ledger_keeps_no_fact_back(office: PostOffice, bus: Bus):
    relay = office.relay()
    first = await office.record("a")
    assert await relay.wait_for(first, 10)

    await bus.js.publish(bus.subject(SERVICE, "Nonsense", "1"), b"?", headers={POSITION: "999999", PREVIOUS: "1"})
    second = await office.record("b")
    await eventually(lambda: office.holds((first, second)))
