"""A pull loop takes no more than there is room for, and finds its way back after everything that can happen."""

import asyncio
from dataclasses import dataclass, field

import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.pulling import PullFrom, PullLoop
from tests.support.eventually import eventually

CONSUMER = "sorter"


@dataclass
class Sorter:
    """Takes messages from the post's stream, as many as `room` says."""

    bus: Bus
    room: int = 1_000
    batch: int = 256
    got: list[Msg] = field(default_factory=list)
    recreated: int = 0
    refused: int = 0

    def loop(self) -> PullLoop:
        """The loop under test."""
        source = PullFrom(
            self.bus.stream("post"), CONSUMER, self.take, lambda: self.room, self.recreate, batch=self.batch
        )
        return PullLoop(self.bus, source)

    async def take(self, message: Msg) -> None:
        if message.data == b"bad":
            self.refused += 1
            raise ValueError("cannot be sorted")
        self.got.append(message)
        self.room -= 1

    async def recreate(self) -> None:
        await self.bus.ensure_stream("post")
        config = ConsumerConfig(name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=30)
        await self.bus.ensure_consumer(self.bus.stream("post"), config)
        self.recreated += 1

    async def post(self, *payloads: bytes) -> None:
        """Put messages on the stream."""
        for payload in payloads:
            await self.bus.js.publish(self.bus.subject("post", "Moved", "1"), payload)

    def texts(self) -> list[bytes]:
        """What arrived."""
        return [message.data for message in self.got]


@pytest.fixture
async def sorter(bus: Bus) -> Sorter:
    """A sorter at an empty stream, its consumer not made yet."""
    await bus.ensure_stream("post")
    return Sorter(bus)


async def test_a_consumer_that_does_not_exist_is_made(sorter: Sorter):
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: sorter.recreated == 1)
    await sorter.post(b"a", b"b")

    await eventually(lambda: sorter.texts() == [b"a", b"b"])
    await loop.stop()


async def test_no_more_is_pulled_than_there_are_free_slots(sorter: Sorter):
    sorter.room, sorter.batch = 3, 2
    await sorter.recreate()
    await sorter.post(*[str(number).encode() for number in range(10)])
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: len(sorter.got) == 3)
    info = await sorter.bus.js.consumer_info(sorter.bus.stream("post"), CONSUMER)
    assert (info.num_ack_pending, info.num_pending, loop.outstanding) == (3, 7, 0)

    sorter.room = 4
    await loop.slots_freed()

    await eventually(lambda: len(sorter.got) == 7)
    assert loop.outstanding == 0
    await loop.stop()


async def test_the_messages_of_a_long_row_all_arrive_in_order(sorter: Sorter):
    sorter.room, sorter.batch = 100_000, 16
    loop = sorter.loop()
    await loop.start()
    payloads = [str(number).encode() for number in range(500)]

    await sorter.post(*payloads)

    await eventually(lambda: len(sorter.got) == 500)
    assert sorter.texts() == payloads
    await loop.stop()


async def test_a_deleted_consumer_is_made_again(sorter: Sorter):
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: loop.outstanding > 0)

    await sorter.bus.js.delete_consumer(sorter.bus.stream("post"), CONSUMER)

    await eventually(lambda: sorter.recreated == 2)
    await sorter.post(b"a")
    await eventually(lambda: sorter.texts() == [b"a"])
    await loop.stop()


async def test_a_deleted_stream_is_made_again(sorter: Sorter):
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: loop.outstanding > 0)

    await sorter.bus.js.delete_stream(sorter.bus.stream("post"))

    await eventually(lambda: sorter.recreated == 2)
    await sorter.post(b"a")
    await eventually(lambda: sorter.texts() == [b"a"])
    await loop.stop()


async def test_recreation_is_tried_until_it_succeeds(sorter: Sorter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chassis.pulling.BACKOFF_SECONDS", 0.01)
    create, attempts = sorter.recreate, []

    async def failing() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise NotFoundError
        await create()

    monkeypatch.setattr(sorter, "recreate", failing)
    loop = sorter.loop()
    await loop.start()
    await sorter.post(b"a")

    await eventually(lambda: sorter.texts() == [b"a"])
    await loop.stop()


async def test_requests_that_expire_are_renewed(sorter: Sorter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chassis.pulling.EXPIRES_SECONDS", 0.3)
    monkeypatch.setattr("chassis.pulling.HEARTBEAT_SECONDS", 0.1)
    asked: list[Msg] = []

    async def note(message: Msg) -> None:
        asked.append(message)

    subject = f"$JS.API.CONSUMER.MSG.NEXT.{sorter.bus.stream('post')}.{CONSUMER}"
    await sorter.bus.nc.subscribe(subject, cb=note)
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: len(asked) >= 3)

    await sorter.post(b"a")

    await eventually(lambda: sorter.texts() == [b"a"])
    await loop.stop()


async def test_a_connection_that_comes_back_pulls_again(sorter: Sorter):
    loop = sorter.loop()
    await loop.start()
    await eventually(lambda: loop.outstanding > 0)

    await sorter.bus.nc.force_reconnect()
    await eventually(lambda: sorter.bus.connected and sorter.bus.nc.stats["reconnects"] == 1)

    await sorter.post(b"a")
    await eventually(lambda: sorter.texts() == [b"a"])
    await loop.stop()


async def test_a_message_whose_handler_raises_comes_again(sorter: Sorter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chassis.pulling.NAK_SECONDS", 0.05)
    loop = sorter.loop()
    await loop.start()

    await sorter.post(b"bad", b"good")

    await eventually(lambda: sorter.refused >= 3)
    assert sorter.texts() == [b"good"]
    await loop.stop()


async def test_what_was_not_started_goes_back_at_once_when_the_loop_stops(sorter: Sorter):
    gate = asyncio.Event()
    take = sorter.take

    async def slow(message: Msg) -> None:
        await take(message)
        await gate.wait()

    sorter.take = slow  # type: ignore[method-assign]  # the handler of this one test
    stuck = sorter.loop()
    await stuck.start()
    await sorter.post(b"a", b"b", b"c")
    await eventually(lambda: sorter.texts() == [b"a"])
    stopping = asyncio.create_task(stuck.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping

    sorter.take = take  # type: ignore[method-assign]  # and back
    first = sorter.loop()
    await first.start()

    await eventually(lambda: sorter.texts() == [b"a", b"b", b"c"])
    await first.stop()
