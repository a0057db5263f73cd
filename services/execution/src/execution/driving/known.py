"""The blueprints that execution knows from blueprint's events: who may run them, each version compiled once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson

from chassis.clock import monotonic
from chassis.logs import get_logger
from contracts.blueprint import BlueprintReference
from contracts.refusal import Missing, Unavailable
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.domain.graph import CompiledGraph
from execution.families.standings import Standing

REMEMBERED_VERSIONS = 256
"""Compiled versions kept in memory."""
ARRIVAL_SECONDS = 2.0
"""How long a version may take from blueprint's ledger to ours before the caller is told to come back."""
LOOK_AGAIN_SECONDS = 0.01

SELECT = "SELECT definition FROM known_versions WHERE blueprint_id = $1 AND version = $2"
STANDING = """
SELECT latest_version, owner_id, team_id, visibility, archived FROM known_blueprints WHERE blueprint_id = $1
"""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """One immutable version: its compiled graph and its configuration."""

    graph: CompiledGraph
    config: BlueprintConfig


class KnownBlueprints:
    """Reads versions from the read model; they never change, so what was read once holds for ever."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        arrived: Callable[[int, float], Awaitable[bool]],
        caught_up: Callable[[float], Awaitable[bool]],
    ) -> None:
        """Ways to wait for blueprint's ledger: `arrived(position, seconds)`, and `caught_up(seconds)` with its head."""
        self.pool = pool
        self.arrived = arrived
        self.caught_up = caught_up
        self.compiled: OrderedDict[tuple[UUID, int], KnownVersion] = OrderedDict()

    async def at(self, reference: BlueprintReference) -> KnownVersion:
        """The version a caller has just been told of, waiting up to 2 s for its event; else `Unavailable`."""
        deadline = monotonic() + ARRIVAL_SECONDS
        known = await self.find(reference.id, reference.version)
        if known is None:
            await self.arrived(reference.position, ARRIVAL_SECONDS)
            known = await self.find(reference.id, reference.version)
        while known is None and monotonic() < deadline:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            known = await self.find(reference.id, reference.version)
        if known is None:
            detail = f"Blueprint {reference.id} version {reference.version} has not reached execution yet."
            raise Unavailable("blueprint_not_arrived", detail, retry_after_seconds=1.0)
        return known

    async def standing(self, blueprint_id: UUID) -> Standing:
        """Who may run a blueprint, and its latest version, after what was said until now has been heard.

        Raises `Missing` when there is no such blueprint, `Unavailable` when that cannot be known yet.
        """
        try:
            heard = await self.caught_up(ARRIVAL_SECONDS)
        except Exception as error:  # noqa: BLE001 - without the bus, what is known already must do
            log.warning("known.not_caught_up", error=repr(error))
            heard = False
        row = await self.pool.fetchrow(STANDING, blueprint_id)
        if row is not None:
            return Standing(**row)
        if heard:
            raise Missing("blueprint_not_found", f"There is no blueprint {blueprint_id}.")
        detail = f"Blueprint {blueprint_id} has not reached execution yet."
        raise Unavailable("blueprint_not_arrived", detail, retry_after_seconds=1.0)

    async def find(self, blueprint_id: UUID, version: int) -> KnownVersion | None:
        """The version, if its event has arrived."""
        key = (blueprint_id, version)
        known = self.compiled.get(key)
        if known is not None:
            self.compiled.move_to_end(key)
            return known
        definition = await self.pool.fetchval(SELECT, blueprint_id, version)
        if definition is None:
            return None
        known = compile_version(definition)
        self.compiled[key] = known
        if len(self.compiled) > REMEMBERED_VERSIONS:
            self.compiled.popitem(last=False)
        return known


def version_definition(graph: WorkflowGraph, config: BlueprintConfig) -> bytes:
    """What is kept of a version: the graph and the configuration as they were written."""
    return orjson.dumps({"graph": graph.model_dump(mode="json"), "config": config.model_dump(mode="json")})


def compile_version(definition: bytes) -> KnownVersion:
    """The version ready to run."""
    kept = orjson.loads(definition)
    return KnownVersion(
        CompiledGraph(WorkflowGraph.model_validate(kept["graph"])), BlueprintConfig.model_validate(kept["config"])
    )
