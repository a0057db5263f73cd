"""A shelf to put blueprints on in tests: record them, let the rows follow, ask."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from blueprint import queries
from blueprint.collaborators import Collaborators
from blueprint.domain import Blueprint
from blueprint.projections import BlueprintsProjection
from blueprint.references import References
from chassis.codec import Codec
from chassis.folding import Folder
from chassis.ids import new_id
from chassis.ledger import EventStore
from chassis.read_model import ReadModel
from chassis.streams import Streams
from contracts.blueprint import (
    BLUEPRINT_EVENTS,
    BlueprintBody,
    BlueprintPage,
    BlueprintView,
    GetBlueprint,
    ListBlueprints,
    ListTemplates,
    TemplatePage,
)
from contracts.message import Caller

ANN = Caller(user_id="ann", teams=("blue",))
"""Owns what the tests make."""
BEN = Caller(user_id="ben", teams=("blue", "red"))
"""A colleague of Ann's."""
EVE = Caller(user_id="eve", teams=("red",))
"""A stranger to both."""

A_GRAPH: dict[str, Any] = {
    "nodes": [
        {"id": "begin", "type": "start"},
        {"id": "shout", "type": "transform", "config": {"output": "${ input.word }!"}},
        {"id": "done", "type": "end"},
    ],
    "edges": [{"source": "begin", "target": "shout"}, {"source": "shout", "target": "done"}],
}


def a_body(**members: Any) -> BlueprintBody:
    """A valid body; `members` replace its own."""
    return BlueprintBody.model_validate({"name": "Shout", **A_GRAPH, **members})


class AlwaysFresh:
    """The tests fold by hand: the rows are never behind."""

    async def caught_up(self, timeout: float) -> bool:
        return True


@dataclass
class Shelf:
    """The ledger, the rows made from it, and the questions."""

    pool: asyncpg.Pool
    store: EventStore
    blueprints: Streams[Blueprint]
    projection: BlueprintsProjection
    position: int = field(default=0)

    async def put(self, caller: Caller = ANN, **members: Any) -> UUID:
        """Record a new blueprint and its rows; answers its id."""
        blueprint = Blueprint.create(new_id(), a_body(**members), caller)
        await self.keep(blueprint)
        return blueprint.id

    async def keep(self, *blueprints: Blueprint) -> None:
        """Record what blueprints decided, then fold everything new in one batch."""
        await self.blueprints.record(*blueprints)
        await self.fold()

    async def fold(self) -> None:
        """Let the rows follow the ledger."""
        batch = await self.store.read_after(self.position, 10_000)
        async with self.pool.acquire() as connection:
            await connection.execute(
                "INSERT INTO checkpoints (projection, source, position) VALUES ($1, $1, 0) ON CONFLICT DO NOTHING",
                self.projection.name,
            )
            folder = Folder(self.projection, Codec(*BLUEPRINT_EVENTS))
            self.position = await folder.fold(connection, batch, self.position)

    @property
    def at(self) -> Collaborators:
        """What the queries ask."""
        return Collaborators(self.blueprints, References(self.store), ReadModel(self.pool, AlwaysFresh()))

    async def get(self, id: UUID, version: int | None = None, caller: Caller = ANN) -> BlueprintView:
        """One version."""
        return await queries.get(GetBlueprint(caller=caller, blueprint_id=id, version=version), self.at)

    async def list(self, caller: Caller = ANN, **asked: Any) -> BlueprintPage:
        """One page."""
        return await queries.list_blueprints(ListBlueprints(caller=caller, **asked), self.at)

    async def templates(self, caller: Caller = ANN, **asked: Any) -> TemplatePage:
        """One page of the library."""
        return await queries.list_templates(ListTemplates(caller=caller, **asked), self.at)
