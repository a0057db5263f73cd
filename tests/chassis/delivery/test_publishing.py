"""Whatever becomes of a published message, whoever sent it is told."""

import asyncio

import pytest

from chassis.bus import Bus
from chassis.publishing import WRONG_LAST_SEQUENCE, NotPublished, Outgoing, Publisher, Stored


def parcel(bus: Bus, id: str = "1", after: int | None = None, message_id: str | None = None) -> Outgoing:
    """A message for the post's stream."""
    headers = {"Nats-Msg-Id": message_id} if message_id else {}
    return Outgoing(bus.subject("post", "Moved", id), b"{}", headers, after)


async def test_many_messages_are_stored_in_order(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus, window=16) as publisher:
        outcomes = await publisher.send_all([parcel(bus, str(number), after=number) for number in range(200)])

    assert outcomes == [Stored(number, duplicate=False) for number in range(1, 201)]


async def test_a_message_behind_another_one_than_expected_is_refused_and_all_that_follow(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus) as publisher:
        outcomes = await publisher.send_all([parcel(bus, after=0), parcel(bus, after=5), parcel(bus, after=6)])

    assert outcomes[0] == Stored(1, duplicate=False)
    assert [outcome.code for outcome in outcomes if isinstance(outcome, NotPublished)] == [WRONG_LAST_SEQUENCE] * 2


async def test_the_same_message_id_is_stored_once(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus) as publisher:
        outcomes = await publisher.send_all([parcel(bus, message_id="a"), parcel(bus, message_id="a")])

    assert outcomes == [Stored(1, duplicate=False), Stored(1, duplicate=True)]


async def test_without_a_stream_the_sender_hears_it_at_once(bus: Bus):
    async with Publisher(bus) as publisher:
        future = await publisher.send(parcel(bus))
        with pytest.raises(NotPublished, match="no stream listens"):
            await asyncio.wait_for(future, 2)


async def test_a_stream_that_never_answers_is_given_up(bus: Bus):
    async def silent(message: object) -> None: ...

    await bus.nc.subscribe(bus.subject("post", ">"), cb=silent)
    async with Publisher(bus, ack_seconds=0.2) as publisher:
        with pytest.raises(NotPublished, match="no acknowledgement within"):
            await (await publisher.send(parcel(bus)))


async def test_a_full_window_is_free_again_after_refusals(bus: Bus):
    async with Publisher(bus, window=2) as publisher:
        outcomes = await asyncio.wait_for(publisher.send_all([parcel(bus)] * 20), 5)

    assert all(isinstance(outcome, NotPublished) for outcome in outcomes)


async def test_a_message_larger_than_the_bus_takes_is_refused(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus) as publisher:
        future = await publisher.send(Outgoing(bus.subject("post", "Moved", "1"), b"x" * (bus.nc.max_payload + 1), {}))
        with pytest.raises(NotPublished):
            await future


async def test_what_is_in_flight_when_the_publisher_closes_is_of_unknown_fate(bus: Bus):
    async def silent(message: object) -> None: ...

    await bus.nc.subscribe(bus.subject("post", ">"), cb=silent)
    async with Publisher(bus) as publisher:
        future = await publisher.send(parcel(bus))

    with pytest.raises(NotPublished, match="closed"):
        await future


async def test_a_chain_is_stored_whole_and_acknowledged_once(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus) as publisher:
        outcome = await publisher.send_chain([parcel(bus, after=number) for number in range(10)])

    assert outcome == Stored(10, duplicate=False)
    assert (await bus.js.stream_info(bus.stream("post"))).state.last_seq == 10


async def test_a_chain_that_is_broken_in_the_middle_ends_there(bus: Bus):
    await bus.ensure_stream("post")
    async with Publisher(bus) as publisher:
        outcome = await publisher.send_chain([parcel(bus, after=number) for number in range(10) if number != 4])

    assert isinstance(outcome, NotPublished)
    assert outcome.code == WRONG_LAST_SEQUENCE
    assert (await bus.js.stream_info(bus.stream("post"))).state.last_seq == 4


async def test_a_chain_that_cannot_be_sent_whole_is_not_stored(bus: Bus):
    await bus.ensure_stream("post")
    too_large = Outgoing(bus.subject("post", "Moved", "1"), b"x" * (bus.nc.max_payload + 1), {}, 1)
    async with Publisher(bus) as publisher:
        outcome = await publisher.send_chain([parcel(bus, after=0), too_large, parcel(bus, after=2)])

    assert isinstance(outcome, NotPublished)
