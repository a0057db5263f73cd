"""The blueprints that a simulated deployment knows."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from contracts.blueprint import BlueprintReference
from contracts.refusal import Missing
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.domain.graph import CompiledGraph
from execution.driving.known import KnownVersion
from execution.families.standings import Standing


@dataclass
class Library:
    """Every version, compiled once for all histories."""

    versions: dict[tuple[UUID, int], KnownVersion] = field(default_factory=dict)
    standings: dict[UUID, Standing] = field(default_factory=dict)

    def add(self, reference: BlueprintReference, graph: WorkflowGraph, config: BlueprintConfig) -> None:
        """One more blueprint."""
        self.versions[reference.id, reference.version] = KnownVersion(CompiledGraph(graph), config)
        self.standings[reference.id] = Standing(
            reference.latest_version, reference.owner_id, reference.team_id, reference.visibility, reference.archived
        )

    async def at(self, reference: BlueprintReference) -> KnownVersion:
        """The version that the reference names."""
        return self.versions[reference.id, reference.version]

    async def find(self, blueprint_id: UUID, version: int) -> KnownVersion | None:
        """The version, if there is one."""
        await asyncio.sleep(0)
        return self.versions.get((blueprint_id, version))

    async def standing(self, blueprint_id: UUID) -> Standing:
        """Who may run it; raises `Missing`."""
        if blueprint_id not in self.standings:
            raise Missing("blueprint_not_found", f"There is no blueprint {blueprint_id}.")
        return self.standings[blueprint_id]
