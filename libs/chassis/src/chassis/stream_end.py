"""Where a stream of facts ends: at the last message that a relay put there, whatever others published behind it."""

from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.envelope import POSITION
from chassis.publishing import EXPECTED_LAST_SEQUENCE

PASSED_OVER_MAX = 1_000
"""So many messages of strangers are passed over; behind more of them the end is not looked for."""


async def last_fact(bus: Bus, service: str) -> RawStreamMsg | None:
    """The last message of the service's stream that stands where its relay put it; None when there is none.

    A relay says which sequence it expects before each of its messages, so a copy, which stands elsewhere, shows.
    """
    stream = bus.stream(service)
    try:
        found = await bus.js.get_last_msg(stream, bus.subject(service, "*", "*"))
    except NotFoundError:
        return None
    sequence = found.seq or 0
    for earlier in range(sequence - 1, max(0, sequence - PASSED_OVER_MAX), -1):
        if _is_placed(found):
            break
        try:
            found = await bus.js.get_msg(stream, earlier)
        except NotFoundError:
            # Purged, as what an erased user's runs said is.
            continue
    return found if _is_placed(found) else None


def _is_placed(message: RawStreamMsg) -> bool:
    headers = message.headers or {}
    expected = headers.get(EXPECTED_LAST_SEQUENCE)
    return expected == str((message.seq or 0) - 1) and headers.get(POSITION, "").isdigit()
