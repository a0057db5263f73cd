"""What execution knows of blueprints: folded from blueprint's facts, the same whatever the batches."""

from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from chassis.ids import new_id
from chassis.projection import Fact
from contracts import blueprint as facts
from contracts.refusal import Missing, Unavailable
from contracts.workflow import BlueprintConfig
from execution.driving.known import KnownBlueprints
from execution.families.standings import Standing
from execution.projections import KnownVersions
from tests.execution.lives import NOON
from tests.support.builders import ALICE, a_node

GRAPH = {"nodes": (a_node("start", "start"),), "edges": (), "config": BlueprintConfig(), "tags": ()}
TEXT = {"name": "mill", "description": "", "is_template": False, "by": ALICE.user_id}
ROWS = "SELECT * FROM known_blueprints ORDER BY blueprint_id"


class Told:
    """What blueprint says, in order."""

    def __init__(self) -> None:
        self.events: list[facts.BlueprintEvent] = []

    def create(self, visibility: str = "private", team_id: str | None = None) -> UUID:
        said = {"version": 1, "owner_id": "alice", "team_id": team_id, "visibility": visibility, "parent_id": None}
        return self.say(facts.BlueprintCreated, new_id(), **GRAPH, **TEXT, **said)

    def update(self, blueprint_id: UUID, version: int) -> None:
        self.say(facts.BlueprintUpdated, blueprint_id, **GRAPH, **TEXT, version=version)

    def share(self, blueprint_id: UUID, visibility: str, team_id: str | None) -> None:
        self.say(facts.BlueprintShared, blueprint_id, visibility=visibility, team_id=team_id, by="alice")

    def archive(self, blueprint_id: UUID) -> None:
        self.say(facts.BlueprintArchived, blueprint_id, by="alice")

    def say(self, kind: type[facts.BlueprintEvent], blueprint_id: UUID, **said: object) -> UUID:
        version = 1 + sum(event.originator_id == blueprint_id for event in self.events)
        place = {"originator_id": blueprint_id, "originator_version": version, "timestamp": NOON}
        self.events.append(kind.model_validate(place | said))
        return blueprint_id


async def project(rows: asyncpg.Connection, told: Told, *cuts: int) -> None:
    """Fold it all, cut into batches."""
    for begin, end in pairwise([0, *cuts, len(told.events)]):
        batch = [Fact(event, place, new_id()) for place, event in enumerate(told.events[begin:end], begin + 1)]
        await KnownVersions().apply(batch, rows)


def a_history() -> tuple[Told, UUID]:
    """Two blueprints that change in every way; the id of the one that has become the team's."""
    told = Told()
    first = told.create()
    second = told.create("team", "mill")
    told.update(first, 2)
    told.share(first, "team", "mill")
    told.archive(second)
    told.update(first, 3)
    told.share(second, "private", None)
    return told, first


@pytest.mark.parametrize("cuts", [(), (1,), (3,), (1, 2, 3, 4, 5, 6)])
async def test_it_is_the_last_word_however_the_facts_arrive(rows: asyncpg.Connection, cuts: tuple[int, ...]) -> None:
    told, first = a_history()

    await project(rows, told, *cuts)

    known = {row["blueprint_id"]: tuple(row)[1:] for row in await rows.fetch(ROWS)}
    assert known.pop(first) == (3, "alice", "mill", "team", False)
    assert list(known.values()) == [(1, "alice", None, "private", True)]


async def test_who_may_run_it_is_answered_from_there(pool: asyncpg.Pool) -> None:
    told, first = a_history()
    async with pool.acquire() as rows:
        await project(rows, told)

    found = await known_by(pool).standing(first)

    assert found == Standing(3, "alice", "mill", "team", archived=False)
    assert found.reference(first, 2).visible_to(ALICE)


async def test_what_nobody_has_told_of_is_not_there(pool: asyncpg.Pool) -> None:
    with pytest.raises(Missing):
        await known_by(pool).standing(new_id())


async def test_what_may_be_on_its_way_is_asked_for_again_later(pool: asyncpg.Pool) -> None:
    with pytest.raises(Unavailable) as refused:
        await known_by(pool, caught_up=False).standing(new_id())
    assert refused.value.retry_after_seconds


def known_by(pool: asyncpg.Pool, *, caught_up: bool = True) -> KnownBlueprints:
    """What is known where blueprint's ledger has been followed to its end, or not."""

    async def reached(*_: object) -> bool:
        return caught_up

    return KnownBlueprints(pool, reached, reached)
