"""What a run needs to know of a blueprint, read from the ledger each time and remembered as far as it was read."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from blueprint.permissions import not_found
from chassis.codec import Codec
from chassis.ledger import EventStore, Recorded
from chassis.together import Together
from contracts.blueprint import (
    BLUEPRINT_EVENTS,
    BlueprintArchived,
    BlueprintCreated,
    BlueprintReference,
    BlueprintShared,
    BlueprintUpdated,
)
from contracts.message import Caller, Event, JsonObject

REMEMBERED = 10_000
"""Blueprints of which the reference is kept, the least recently used going first: about a kilobyte each."""


@dataclass(frozen=True, slots=True)
class Known:
    """The reference after the first `stream_version` events of the blueprint."""

    reference: BlueprintReference
    stream_version: int


class References:
    """Answers from the ledger at the price of one indexed read for all who ask at the same moment.

    Only the events after the last ones seen are read and decoded, so an answer is as true as a whole replay.
    """

    def __init__(self, store: EventStore) -> None:
        self._codec = Codec(*BLUEPRINT_EVENTS)
        self._known: OrderedDict[UUID, Known] = OrderedDict()
        self._reading = Together(store.read_many)

    async def find(self, id: UUID) -> BlueprintReference | None:
        """The latest version's reference at the ledger position of the blueprint's last event; None without one."""
        known = self._known.get(id)
        news = await self._reading.get((id, known.stream_version if known else 0))
        if news:
            known = Known(self._folded(known, news), news[-1].version)
        if known is None:
            return None
        self._remember(id, known)
        return known.reference

    async def check_seen(self, id: UUID, caller: Caller) -> BlueprintReference:
        """The reference, for a caller who may see it; `Missing` for all others, at the price of one that is not there.

        Asked before a blueprint is replayed, so that how long the refusal takes does not tell that it exists.
        """
        reference = await self.find(id)
        if reference is None or not reference.visible_to(caller):
            raise not_found(id)
        return reference

    def _folded(self, known: Known | None, news: Sequence[Recorded]) -> BlueprintReference:
        members: JsonObject = known.reference.model_dump() if known else {}
        for recorded in news:
            members |= changes(self._codec.decode(recorded))
        return BlueprintReference.model_validate(members | {"position": news[-1].position})

    def _remember(self, id: UUID, known: Known) -> None:
        current = self._known.get(id)
        if current is None or current.stream_version <= known.stream_version:
            self._known[id] = known
        self._known.move_to_end(id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def changes(event: Event) -> JsonObject:
    """The members of a reference that an event sets."""
    match event:
        case BlueprintCreated():
            owner = {"id": event.originator_id, "owner_id": event.owner_id, "archived": False}
            return owner | _version(event.version) | _sharing(event)
        case BlueprintUpdated():
            return _version(event.version)
        case BlueprintShared():
            return _sharing(event)
        case BlueprintArchived():
            return {"archived": True}
        case _:
            return {}


def _version(version: int) -> JsonObject:
    return {"version": version, "latest_version": version}


def _sharing(event: BlueprintCreated | BlueprintShared) -> JsonObject:
    return {"visibility": event.visibility, "team_id": event.team_id}
