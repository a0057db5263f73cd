"""The execution service at work inside the test, on a real NATS and a real Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.runtime import Runtime
from chassis.service import running
from chassis.settings import Settings
from contracts.blueprint import BlueprintReference
from contracts.execution import ExecutionView, GetInstance, InstanceView
from contracts.instance_events import InstanceEvent
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.app import MIGRATIONS, Arrange, as_it_is, service
from execution.driving.known import version_definition
from execution.driving.records import Records
from execution.handlers import Collaborators
from execution.projections import KNOW, MEET
from tests.support.builders import ALICE, a_reference, an_execution
from tests.support.lent_databases import Tables

TABLES = Tables("execution", MIGRATIONS)


@dataclass(frozen=True)
class Mill:
    """What a test asks of the service, and what the service works with."""

    runtime: Runtime
    at: Collaborators

    async def know(self, graph: WorkflowGraph, /, **config: Any) -> BlueprintReference:
        """Let execution know a blueprint as if blueprint's event had arrived."""
        reference = a_reference(id=new_id(), position=0, team_id="mill", visibility="team")
        await self.meet(reference, graph, **config)
        return reference

    async def meet(self, reference: BlueprintReference, graph: WorkflowGraph, /, **config: Any) -> None:
        """Let execution know a version of a blueprint, and what the reference says of it."""
        definition = version_definition(graph, BlueprintConfig(**config))
        standing = reference.model_dump(include={"owner_id", "team_id", "visibility", "archived"}).values()
        known = ([value] for value in (reference.id, reference.latest_version, *standing))
        await self.runtime.pool.execute(KNOW, [reference.id], [reference.version], [definition])
        await self.runtime.pool.execute("DELETE FROM known_blueprints WHERE blueprint_id = $1", reference.id)
        await self.runtime.pool.execute(MEET, *known)

    async def execute(
        self, blueprint: BlueprintReference, input: Any = None, *, wait: float = 20.0, **changed: Any
    ) -> ExecutionView:
        """Alice executes and waits for the end."""
        command = an_execution(blueprint, input, wait_seconds=wait, **changed)
        answer = await self.runtime.bus.ask_for(command, wait + 5)
        assert isinstance(answer, ExecutionView)
        return answer

    async def instance(self, instance_id: UUID) -> InstanceView:
        """The instance as alice sees it."""
        answer = await self.runtime.bus.ask_for(GetInstance(caller=ALICE, instance_id=instance_id))
        assert isinstance(answer, InstanceView)
        return answer

    async def facts(self, instance_id: UUID) -> list[InstanceEvent]:
        """Everything recorded of an instance."""
        return await Records(self.runtime.store).history(instance_id)

    async def told(self, instance_id: UUID) -> list[str]:
        """The names of its facts."""
        return [type(event).__name__ for event in await self.facts(instance_id)]


@asynccontextmanager
async def milling(
    dsn: str,
    nats_url: str,
    namespace: str,
    arrange: Arrange = as_it_is,
    *,
    work_is_lost: bool = False,
    **settings: Any,
) -> AsyncIterator[Mill]:
    """One worker at work on a migrated database; perhaps no fact ever becomes a work message."""
    chosen = Settings(nats_url=nats_url, postgres_dsn=dsn, namespace=namespace, **settings)
    inside: list[Collaborators] = []
    whole = replace(service(arrange), work_for=None) if work_is_lost else service(arrange)

    @asynccontextmanager
    async def start(runtime: Runtime) -> AsyncIterator[Collaborators]:
        async with whole.start(runtime) as at:
            inside.append(at)
            yield at

    async with running(replace(whole, start=start), chosen) as runtime:
        yield Mill(runtime, inside[0])
