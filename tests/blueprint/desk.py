"""The blueprint service as the gateway meets it: commands and queries over the bus, answers and refusals back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from chassis.bus import Bus
from chassis.ids import new_id
from chassis.runtime import Runtime
from contracts.blueprint import (
    ArchiveBlueprint,
    BlueprintPage,
    BlueprintReference,
    BlueprintView,
    CloneTemplate,
    CreateBlueprint,
    GetBlueprint,
    ListBlueprints,
    ListTemplates,
    ResolveBlueprint,
    TemplatePage,
    UpdateBlueprint,
)
from contracts.message import Caller
from tests.blueprint.shelf import ANN, a_body


@dataclass
class Desk:
    """A running service and a connection to ask it by; every caller is Ann unless told otherwise."""

    bus: Bus
    runtime: Runtime
    pool: asyncpg.Pool

    async def create(self, caller: Caller = ANN, id: UUID | None = None, **members: Any) -> BlueprintView:
        """A new blueprint."""
        return await self.ask(CreateBlueprint(caller=caller, blueprint_id=id or new_id(), body=a_body(**members)))

    async def update(
        self, id: UUID, caller: Caller = ANN, if_match: int | None = None, **members: Any
    ) -> BlueprintView:
        """Its next version."""
        body = a_body(**members)
        return await self.ask(UpdateBlueprint(caller=caller, blueprint_id=id, body=body, if_match=if_match))

    async def archive(self, id: UUID, caller: Caller = ANN) -> BlueprintReference:
        """Out of use."""
        return await self.ask(ArchiveBlueprint(caller=caller, blueprint_id=id))

    async def clone(self, id: UUID, caller: Caller = ANN, clone_id: UUID | None = None, **asked: Any) -> BlueprintView:
        """A copy of the caller's own."""
        return await self.ask(CloneTemplate(caller=caller, template_id=id, clone_id=clone_id or new_id(), **asked))

    async def get(self, id: UUID, caller: Caller = ANN, version: int | None = None) -> BlueprintView:
        """One version."""
        return await self.ask(GetBlueprint(caller=caller, blueprint_id=id, version=version))

    async def resolve(self, id: UUID, caller: Caller = ANN, version: int | None = None) -> BlueprintReference:
        """What a run needs to know."""
        return await self.ask(ResolveBlueprint(caller=caller, blueprint_id=id, version=version))

    async def list(self, caller: Caller = ANN, **asked: Any) -> BlueprintPage:
        """One page."""
        return await self.ask(ListBlueprints(caller=caller, **asked))

    async def templates(self, caller: Caller = ANN, **asked: Any) -> TemplatePage:
        """One page of the library."""
        return await self.ask(ListTemplates(caller=caller, **asked))

    async def ask(self, request: Any) -> Any:
        """The answer as the contract names it; raises the service's refusal."""
        return await self.bus.ask_for(request)

    async def head(self) -> int:
        """How far the ledger reaches."""
        return await self.runtime.store.head()
