"""Between events and the bytes in the ledger: payload, and metadata about where an event came from."""

from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import orjson

from chassis.ids import new_id
from chassis.ledger import NewEvent, Recorded
from contracts.message import Event, JsonObject
from contracts.versions import Unreadable, read_event


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where an event came from: the whole conversation, the message just before, the trace (W3C `traceparent`)."""

    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None


NO_METADATA = Metadata()
RUNS_IN_HAND = 1_024
"""Whose metadata is remembered."""


@lru_cache(maxsize=RUNS_IN_HAND)
def encode_metadata(
    correlation_id: UUID | None = None, causation_id: UUID | None = None, traceparent: str | None = None
) -> bytes | None:
    """The metadata as recorded: JSON of what is known, None when nothing is. Most facts of a stream share theirs."""
    known = {
        "correlation_id": correlation_id and str(correlation_id),
        "causation_id": causation_id and str(causation_id),
        "traceparent": traceparent,
    }
    present = {name: value for name, value in known.items() if value}
    return orjson.dumps(present) if present else None


def decode_metadata(recorded: bytes | None) -> Metadata:
    """The metadata of an event; empty when nothing was recorded. Members that this code does not know are left out."""
    if not recorded:
        return NO_METADATA
    found = orjson.loads(recorded)
    correlation_id, causation_id = found.get("correlation_id"), found.get("causation_id")
    return Metadata(
        correlation_id=UUID(correlation_id) if correlation_id else None,
        causation_id=UUID(causation_id) if causation_id else None,
        traceparent=found.get("traceparent"),
    )


class Codec:
    """Writes any event, and reads the types it was made for: contracts, or an aggregate's own classes of them."""

    def __init__(self, *event_types: type[Event]) -> None:
        self._types = {event_type.topic(): event_type for event_type in event_types}

    @property
    def topics(self) -> frozenset[str]:
        """What it can read."""
        return frozenset(self._types)

    def encode(self, event: Event, metadata: bytes | None = None) -> NewEvent:
        """The event as a new row of the ledger, with a fresh event id."""
        return NewEvent(new_id(), event.originator_version, type(event).topic(), event.state(), metadata)

    def decode(self, recorded: Recorded) -> Event:
        """The event as this code knows it; raises `Unreadable` for an unknown topic or a payload that does not fit."""
        event_type = self._types.get(recorded.topic)
        if event_type is None:
            raise Unreadable(f"{recorded.topic} of {recorded.stream_id} is not a known event")
        return read_event(event_type, recorded.stream_id, recorded.version, _payload(recorded))


def _payload(recorded: Recorded) -> JsonObject:
    try:
        payload = orjson.loads(recorded.state)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{recorded.topic} of {recorded.stream_id} is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Unreadable(f"{recorded.topic} of {recorded.stream_id} is not a JSON object")
    return cast("JsonObject", payload)
