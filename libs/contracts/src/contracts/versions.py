"""Upcasters: how yesterday's events read today."""

from collections.abc import Callable
from uuid import UUID

from contracts.message import Event, JsonObject

Upcaster = Callable[[JsonObject], JsonObject]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(topic, version it reads) -> the payload one version later. Entries are never removed."""

VERSION_KEY = "class_version"
"""Where a payload carries its version when that is not 1 (eventsourcing's name)."""


class Unreadable(Exception):
    """This code cannot read the event: unknown topic, or a payload that does not fit."""


class FromTheFuture(Unreadable):
    """A newer version of the code has recorded it, and can read it: nobody who is older may go past it."""


def upcast(event_type: type[Event], payload: JsonObject) -> JsonObject:
    """The payload in the shape that `event_type` has today; raises `FromTheFuture` for a newer one."""
    version = int(payload.get(VERSION_KEY, 1))
    if version > event_type.class_version:
        raise FromTheFuture(
            f"{event_type.topic()} version {version} is newer than this code, which knows {event_type.class_version}"
        )
    for step in range(version, event_type.class_version):
        payload = UPCASTERS[(event_type.topic(), step)](payload)
    return payload


def read_event(event_type: type[Event], originator_id: UUID, originator_version: int, payload: JsonObject) -> Event:
    """The event as this code knows it; raises `Unreadable` when it cannot be."""
    try:
        return event_type.recorded(originator_id, originator_version, upcast(event_type, payload))
    except (ValueError, KeyError) as error:
        raise Unreadable(f"{event_type.topic()} of {originator_id} cannot be read: {error}") from error
