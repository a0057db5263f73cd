"""What a process measures every few seconds: how far behind it is, how full its stream, and whether its servers are."""

from uuid import UUID

from chassis import dead_letters
from chassis.bus import Bus
from chassis.ledger import Recorded
from chassis.readings import keep_reading
from chassis.runtime import Runtime
from chassis.telemetry import REGISTRY
from contracts.refusal import Unavailable
from tests.chassis.delivery.office import SERVICE
from tests.chassis.delivery.post import ANNE, MoveParcel
from tests.support.eventually import eventually

PARCEL = UUID(int=4)


def reading(metric: str, **labels: str) -> float | None:
    """The value that a scrape would find now."""
    return REGISTRY.get_sample_value(metric, labels)


async def read_all(post: Runtime) -> None:
    for measure in post.readings:
        await measure()


async def test_a_process_that_keeps_up_is_nothing_behind(post: Runtime, bus: Bus):
    await bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))

    async def kept_up() -> bool:
        await read_all(post)
        assert reading("headrace_relay_leading", service=SERVICE) == 1
        assert reading("headrace_relay_lag", service=SERVICE) == 0
        assert reading("headrace_projection_leading", projection="stops") == 1
        assert reading("headrace_projection_lag", projection="stops") == 0
        assert reading("headrace_stream_bytes", stream=bus.stream(SERVICE)) > 0
        return True

    await eventually(kept_up)
    assert reading("headrace_stream_bytes_max", stream=bus.stream(SERVICE)) == 2 * 1024**3
    assert (reading("headrace_postgres_up"), reading("headrace_bus_up")) == (1, 1)


async def test_what_was_put_aside_is_counted_until_somebody_sees_to_it(post: Runtime, bus: Bus):
    await bus.ensure_stream(SERVICE)
    letter = Recorded(1, PARCEL, 1, "Moved", b"{", PARCEL)
    async with post.pool.acquire() as connection:
        await dead_letters.keep(connection, "stops", SERVICE, [(letter, "no JSON")])
        await read_all(post)
        kept = reading("headrace_dead_letters_kept")
        await connection.execute("DELETE FROM dead_letters")
    await read_all(post)

    assert (kept, reading("headrace_dead_letters_kept")) == (1, 0)


async def test_a_measurement_that_fails_keeps_no_other_from_being_made(post: Runtime):
    made: list[str] = []

    async def fail() -> None:
        raise Unavailable("away", "it is away")

    async def work() -> None:
        made.append("made")

    post.spawn(keep_reading([fail, work]), "readings of a test")

    await eventually(lambda: made)
