"""The relay publishes every recorded event once and in order, whatever happens to it or to the stream."""

import asyncio

from chassis.bus import Bus
from chassis.ledger import Recorded
from chassis.postgres import open_pool
from tests.chassis.delivery.office import SERVICE, PostOffice, chain, remembered
from tests.support.eventually import eventually

RELAY_LOCKS = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid <> pg_backend_pid()
"""


async def test_events_are_published_in_the_order_of_the_ledger(office: PostOffice):
    relay = office.relay()

    positions = sorted(await office.record_many(300))
    assert await relay.wait_for(positions[-1], 10)

    assert await office.published() == chain(positions)


async def test_a_message_carries_the_event_and_where_it_comes_from(office: PostOffice, bus: Bus):
    office.relay()
    stream = bus.stream(SERVICE)

    position = await office.record("Lisbon")
    await eventually(office.published)

    recorded = (await office.store.read_after(0, 1))[0]
    message = await bus.js.get_msg(stream, 1)
    assert message.subject == f"{bus.namespace}.post.ParcelMoved.{recorded.stream_id}"
    assert message.data == recorded.state
    headers = message.headers or {}
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == str(recorded.event_id)
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == "ParcelMoved"
    assert headers["ce-source"] == "headrace/post"
    assert headers["ce-subject"] == str(recorded.stream_id)
    assert headers["Headrace-Version"] == "1"
    assert headers["Headrace-Position"] == str(position)
    assert headers["traceparent"].startswith("00-abab")
    assert headers["ce-time"].endswith("Z")


async def test_a_restarted_relay_goes_on_where_the_stream_ends(office: PostOffice):
    first = office.relay()
    before = await office.record_many(50)
    assert await first.wait_for(max(before), 10)
    await office.stop()

    after = await office.record_many(50)
    assert await office.relay().wait_for(max(after), 10)

    assert await office.published() == chain(sorted(before + after))


async def test_a_second_relay_stands_by_and_takes_over(office: PostOffice):
    first, second = office.relay(), office.relay()
    before = await office.record_many(20)
    await eventually(lambda: max(first.position, second.position) >= max(before))
    assert [first.leading, second.leading].count(True) == 1

    leader, standby = (0, second) if first.leading else (1, first)
    await office.stop(office.tasks[leader])
    after = await office.record_many(20)

    assert await standby.wait_for(max(after), 5)
    assert await office.published() == chain(sorted(before + after))


async def test_a_relay_that_lost_its_lock_unknowingly_publishes_nothing_out_of_turn(office: PostOffice):
    first, second = office.relay(), office.relay()
    recording = asyncio.create_task(office.record_many(400))
    for _ in range(5):
        await eventually(lambda: first.leading or second.leading)
        await office.pool.execute(RELAY_LOCKS)
    positions = sorted(await recording)

    await eventually(lambda: max(first.position, second.position) >= positions[-1])
    assert await office.published() == chain(positions)


async def test_a_zombie_that_still_believes_it_leads_is_refused(office: PostOffice, post_dsn: str):
    async with await open_pool(post_dsn, "customs", min_size=1, max_size=2) as other:
        # Each leads by a lock of another schema, as if the database had given the same lock twice.
        zombie, rival = office.relay(), office.relay(pool=other)
        await eventually(lambda: zombie.leading and rival.leading)

        positions = sorted(await office.record_many(300))
        await eventually(lambda: min(zombie.position, rival.position) >= positions[-1])

        assert await office.published() == chain(positions)
        await office.stop()


async def test_a_wiped_stream_is_noticed_and_continued_from_the_remembered_position(office: PostOffice, bus: Bus):
    relay = office.relay()
    before = await office.record_many(30)
    assert await relay.wait_for(max(before), 10)
    await eventually(lambda: remembered(office, max(before)))

    await bus.js.delete_stream(bus.stream(SERVICE))
    after = sorted(await office.record_many(30))

    assert await relay.wait_for(after[-1], 10)
    assert await office.published() == list(zip([max(before), *after], after, strict=False))


async def test_a_purged_stream_is_continued_although_messages_are_remembered_as_duplicates(
    office: PostOffice, bus: Bus
):
    relay = office.relay()
    before = await office.record_many(10)
    assert await relay.wait_for(max(before), 10)
    await office.stop()
    await office.pool.execute("UPDATE relay SET position = 0")
    await bus.js.purge_stream(bus.stream(SERVICE))

    again = office.relay()
    after = await office.record_many(10)

    assert await again.wait_for(max(after), 10)
    assert [position for _, position in await office.published()] == sorted(after)


async def test_work_is_stored_before_the_event_that_asks_for_it_is_published(office: PostOffice, bus: Bus):
    def work_for(recorded: Recorded) -> tuple[str, bytes, dict[str, str]] | None:
        return ("start", b"go", {}) if b"far away" in recorded.state else None

    seen: list[int] = []

    async def look(message: object) -> None:
        info = await bus.js.stream_info(f"{bus.namespace.upper()}_WORK")
        seen.append(info.state.messages)

    await bus.nc.subscribe(bus.subject(SERVICE, "*", "*"), cb=look)
    office.relay(work_for)
    await office.record("near")
    await office.record("far away")

    await eventually(lambda: len(seen) == 2)
    assert seen[-1] == 1
    work = await bus.js.get_msg(f"{bus.namespace.upper()}_WORK", 1)
    parcel = (await office.store.read_after(0, 2))[1].stream_id
    assert (work.subject, work.data) == (f"{bus.namespace}.work.start.{parcel}", b"go")


async def test_an_event_larger_than_the_bus_takes_goes_out_as_a_reference(office: PostOffice, bus: Bus):
    relay = office.relay()
    size = bus.nc.max_payload + 1

    large = await office.record("x" * size)
    small = await office.record("y")

    assert await relay.wait_for(small, 10)
    assert await office.published() == chain([large, small])
    message = await bus.js.get_msg(bus.stream(SERVICE), 1)
    assert message.data in (None, b"")
    assert int((message.headers or {})["Headrace-Oversize"]) > size
