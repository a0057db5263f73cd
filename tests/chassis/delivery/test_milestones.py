"""A projection that folds only milestones is sent only these, and still sees every gap."""

from collections.abc import AsyncIterator

import pytest

from chassis import checkpoints, relay
from chassis.bus import Bus
from chassis.ids import new_id
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import StreamSource
from chassis.replay import ReplayDesk
from tests.chassis.delivery.office import SERVICE, PostOffice, Stops, open_office
from tests.chassis.parcels import ParcelDelivered
from tests.support.eventually import eventually

DELIVERED = frozenset({"ParcelDelivered"})


@pytest.fixture(autouse=True)
def _milestones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "milestone_topics", lambda _: DELIVERED)


@pytest.fixture
async def customs(post_dsn: str, bus: Bus) -> AsyncIterator[PostOffice]:
    """Another service, which wants to know what was delivered and nothing else."""
    async with open_office(post_dsn, bus, "customs") as customs:
        yield customs


class Deliveries(Stops):
    """Folds deliveries."""

    reads = (ParcelDelivered,)


def following(customs: PostOffice) -> tuple[ProjectionRunner, Deliveries]:
    """A runner that follows the milestones of the post, started, and what it folds into."""
    folded = Deliveries()
    source = StreamSource(customs.bus, SERVICE, "customs_deliveries", milestones=DELIVERED)
    runner = ProjectionRunner(folded, source, customs.codec, customs.pool)
    customs.run(runner.run())
    return runner, folded


async def way_of(office: PostOffice, *places: str) -> int:
    """A parcel that comes by these places and is delivered; the position of its delivery."""
    parcel = new_id()
    await office.record(*places, parcel=parcel)
    return await office.deliver(parcel, len(places) + 1)


async def brought(bus: Bus) -> int:
    """How many messages the consumer has been sent."""
    info = await bus.js.consumer_info(bus.stream(SERVICE), "customs_deliveries")
    return int(info.delivered.consumer_seq)


async def test_only_milestones_are_sent(office: PostOffice, customs: PostOffice, bus: Bus):
    async with ReplayDesk(bus, SERVICE, office.store):
        office.relay()
        runner, folded = following(customs)
        assert await runner.wait_for(await way_of(office, "Lisbon"), 10)

        last = await way_of(office, *(f"place {number}" for number in range(50)))

        assert await runner.wait_for(last, 10)
        assert sum(folded.batches) == 2
        assert await brought(bus) <= 2


async def test_what_comes_behind_the_last_milestone_is_not_waited_for(
    office: PostOffice, customs: PostOffice, bus: Bus
):
    async with ReplayDesk(bus, SERVICE, office.store):
        publishing = office.relay()
        runner, _ = following(customs)
        delivered = await way_of(office, "Lisbon")
        assert await runner.wait_for(delivered, 10)

        behind = await office.record("Porto")
        assert await publishing.wait_for(behind, 10)

        assert await runner.caught_up(5)
        assert await checkpoints.read(customs.pool, "stops") in (delivered, behind)


async def test_a_milestone_that_the_stream_has_lost_is_told_by_the_owner(
    office: PostOffice, customs: PostOffice, bus: Bus
):
    publishing = office.relay()
    async with ReplayDesk(bus, SERVICE, office.store):
        runner, _ = following(customs)
        assert await runner.wait_for(await way_of(office, "Lisbon"), 10)
    await customs.stop()
    lost = await way_of(office, "Porto")
    assert await publishing.wait_for(lost, 10)
    info = await bus.js.stream_info(bus.stream(SERVICE))
    await bus.js.delete_msg(bus.stream(SERVICE), info.state.last_seq)
    last = await way_of(office, "Faro")
    assert await publishing.wait_for(last, 10)

    again, folded = following(customs)
    assert not await again.wait_for(last, 1.0)
    async with ReplayDesk(bus, SERVICE, office.store):
        assert await again.wait_for(last, 10)
    assert sum(folded.batches) == 2


async def test_a_relay_that_starts_again_knows_the_last_milestone(office: PostOffice, customs: PostOffice, bus: Bus):
    delivered = await way_of(office, "Lisbon")
    first = office.relay()
    assert await first.wait_for(delivered, 10)
    await office.stop()

    parcel = new_id()
    await office.record("Porto", parcel=parcel)
    last = await office.deliver(parcel, 2)
    second = office.relay()
    await eventually(lambda: second.position == last)

    found = await bus.js.get_last_msg(bus.stream(SERVICE), bus.subject(SERVICE, "ParcelDelivered", "*"))
    assert (found.headers or {})["Headrace-Milestone-Before"] == str(delivered)
