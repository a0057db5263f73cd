"""What a batch of blueprint's facts says of one blueprint, folded before it meets the row (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from contracts import blueprint as facts
from contracts.workflow import Visibility


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version is the latest, whose it is, who may see it, and whether it still runs."""

    latest_version: int
    owner_id: str
    team_id: str | None
    visibility: Visibility
    archived: bool

    def reference(self, blueprint_id: UUID, version: int) -> facts.BlueprintReference:
        """What a run needs to know to run this version of the blueprint."""
        return facts.BlueprintReference(id=blueprint_id, version=version, position=0, **asdict(self))


@dataclass(slots=True)
class Change:
    """The last word of a batch on each column; None where the row knows better."""

    latest_version: int | None = None
    owner_id: str | None = None
    """Set when the blueprint was created in this batch."""
    team_id: str | None = None
    visibility: Visibility | None = None
    """Set together with the team."""
    archived: bool = False

    def hear(self, event: facts.BlueprintEvent) -> None:
        """Fold one fact."""
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)


def created(change: Change, event: facts.BlueprintCreated) -> None:
    """Version 1, and who may see it."""
    updated(change, event)
    change.owner_id = event.owner_id
    shared(change, event)


def updated(change: Change, event: facts.BlueprintVersionRecorded) -> None:
    """A later version."""
    change.latest_version = event.version


def shared(change: Change, event: facts.BlueprintShared | facts.BlueprintCreated) -> None:
    """Somebody else may see it."""
    change.team_id, change.visibility = event.team_id, event.visibility


def archived(change: Change, event: facts.BlueprintArchived) -> None:
    """It runs nothing new."""
    change.archived = True


FOLDS: Mapping[type[facts.BlueprintEvent], Callable[[Change, Any], None]] = {
    facts.BlueprintCreated: created,
    facts.BlueprintUpdated: updated,
    facts.BlueprintShared: shared,
    facts.BlueprintArchived: archived,
}


def changes_in(events: list[facts.BlueprintEvent]) -> dict[UUID, Change]:
    """What the events say of each blueprint."""
    found: dict[UUID, Change] = {}
    for event in events:
        found.setdefault(event.originator_id, Change()).hear(event)
    return found
