"""Positions that were archived are missing from a ledger, and neither its relay nor its followers stumble over it."""

from chassis.bus import Bus
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import StreamSource
from chassis.replay import ReplayDesk
from tests.chassis.delivery.office import SERVICE, PostOffice, Stops, open_office

COUNT = "SELECT count(*) FROM stops"


def following(office: PostOffice, consumer: str) -> ProjectionRunner:
    """A follower of the post, at work."""
    source = StreamSource(office.bus, SERVICE, consumer)
    runner = ProjectionRunner(Stops(), source, office.codec, office.pool)
    office.run(runner.run())
    return runner


async def test_old_and_new_followers_and_the_relay_go_on(office: PostOffice, post_dsn: str, bus: Bus):
    relay = office.relay()
    async with ReplayDesk(bus, SERVICE, office.store), open_office(post_dsn, bus, "customs") as customs:
        old = following(customs, "customs_stops")
        await office.record("Lisbon", "Porto", "Faro")
        last = await office.record("Braga")
        assert await old.wait_for(last, 10)
        assert await relay.wait_for(last, 10)

        # Out of the middle of a parcel's story that everybody has heard.
        await office.pool.execute("DELETE FROM events WHERE originator_version = 2")
        new = following(office, "post_stops")

        newest = await office.record("Evora")
        assert await new.wait_for(newest, 10)
        assert await old.wait_for(newest, 10)
        assert await office.pool.fetchval(COUNT) == 4
        assert await customs.pool.fetchval(COUNT) == 5
        assert [position for _, position in await office.published()] == [1, 2, 3, 4, 5]
