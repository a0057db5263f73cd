"""Old code beside newer code: it stops at what it is too old for, says so, and leaves it to the newer one."""

import pytest
import structlog

from chassis import checkpoints, dead_letters
from chassis.bus import Bus
from chassis.codec import Codec
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource
from chassis.rebuild import rebuild
from chassis.runtime import Runtime
from contracts.refusal import Unavailable
from contracts.versions import UPCASTERS, FromTheFuture
from tests.chassis.delivery.office import PostOffice, Stops
from tests.chassis.delivery.post import ANNE, ListPlaces
from tests.chassis.parcels import ParcelDelivered, ParcelMoved
from tests.support.eventually import eventually

NEWER = b'{"class_version":2,"timestamp":"2031-01-01T00:00:00Z","place":"the moon"}'
TOO_OLD = "ParcelMoved version 2 is newer than this code, which knows 1"
PLACES = "SELECT array_agg(place ORDER BY place) FROM stops"


def runner_of(office: PostOffice, codec: Codec | None = None) -> ProjectionRunner:
    return ProjectionRunner(Stops(), LedgerSource(office.store, office.commits), codec or office.codec, office.pool)


@pytest.fixture
def newer_codec(monkeypatch: pytest.MonkeyPatch) -> Codec:
    """What the version reads that recorded the fact."""
    monkeypatch.setitem(UPCASTERS, ("ParcelMoved", 1), lambda payload: payload)
    return Codec(type("ParcelMoved", (ParcelMoved,), {"class_version": 2}), ParcelDelivered)


async def test_it_folds_what_came_before_and_puts_nothing_aside(office: PostOffice):
    before = await office.record("Lisbon")
    await office.record_bytes("ParcelMoved", NEWER)
    await office.record("Porto")
    runner = runner_of(office)

    with structlog.testing.capture_logs() as logs:
        office.run(runner.run())
        await eventually(lambda: runner.stopped)

    assert runner.stopped == TOO_OLD
    assert await checkpoints.read(office.pool, "stops") == before
    assert await office.pool.fetchval(PLACES) == ["Lisbon"]
    assert [entry["reason"] for entry in logs if entry["event"] == "projection.too_old"] == [TOO_OLD]
    async with office.pool.acquire() as connection:
        assert await dead_letters.count(connection) == 0


async def test_newer_code_beside_it_takes_the_lead_and_goes_on(office: PostOffice, newer_codec: Codec):
    await office.record("Lisbon")
    await office.record_bytes("ParcelMoved", NEWER)
    last = await office.record("Porto")
    old, new = runner_of(office), runner_of(office, newer_codec)
    office.run(old.run())
    await eventually(lambda: old.stopped)

    office.run(new.run())

    assert await new.wait_for(last, 20)
    assert await office.pool.fetchval(PLACES) == ["Lisbon", "Porto", "the moon"]
    assert await old.wait_for(last, 20)
    assert old.stopped is None


async def test_a_rebuild_by_old_code_is_refused_and_leaves_the_rows(office: PostOffice, newer_codec: Codec):
    await office.record_bytes("ParcelMoved", NEWER)
    new = runner_of(office, newer_codec)
    office.run(new.run())
    assert await new.caught_up(10)

    with pytest.raises(FromTheFuture):
        await rebuild(Stops(), LedgerSource(office.store, office.commits), office.codec, office.pool)

    assert await office.pool.fetchval(PLACES) == ["the moon"]


async def test_whoever_asks_old_code_is_told_to_come_back(post: Runtime, bus: Bus, monkeypatch: pytest.MonkeyPatch):
    async def caught_up(*_: object) -> bool:
        raise FromTheFuture(TOO_OLD)

    monkeypatch.setattr(ProjectionRunner, "caught_up", caught_up)

    with pytest.raises(Unavailable) as refused:
        await bus.ask(ListPlaces(caller=ANNE))

    assert refused.value.code == "version_skew"
    assert "the upgrade has to be finished" in refused.value.detail
