"""Short words for events in tests of the ledger."""

from uuid import UUID

from chassis.ids import new_id
from chassis.ledger import Append, NewEvent


def event(version: int, topic: str = "ThingHappened", state: bytes = b"{}", metadata: bytes | None = None) -> NewEvent:
    """An event with a fresh id."""
    return NewEvent(new_id(), version, topic, state, metadata)


def append(stream_id: UUID, *versions: int) -> Append:
    """Events of these versions at the end of a stream."""
    return Append(stream_id, tuple(event(version) for version in versions))
