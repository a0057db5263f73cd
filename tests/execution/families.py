"""Parents and children at work, for tests on the real stack."""

from typing import Any
from uuid import UUID

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.blueprint import BlueprintReference
from contracts.execution import CancelInstance, InstanceView
from contracts.instance_events import ChildStarted
from contracts.steering import SignalBody, SignalInstance
from contracts.workflow import Node, WorkflowGraph
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill

DOUBLES = a_graph("start -> end", a_node("end", "end", output="${ input.n * 2 }"))
WAITS = a_graph("start -> go", "go -> end", a_node("go", "signal", name="go"), a_node("end", "end", output="gone"))


def calls(blueprint: BlueprintReference, id: str = "call", **config: Any) -> Node:
    """A node that runs the blueprint."""
    return a_node(id, "blueprint", blueprint_id=str(blueprint.id), **config)


def calling(blueprint: BlueprintReference, *parts: Node | str, **config: Any) -> WorkflowGraph:
    """A graph that runs the blueprint at its node `call`."""
    return a_graph(calls(blueprint, **config), "start -> call", *parts)


async def child_of(mill: Mill, parent_id: UUID, number: int = 0) -> UUID:
    """The instance that a parent started, once it has."""

    async def started() -> list[UUID]:
        return [fact.child_id for fact in await mill.facts(parent_id) if isinstance(fact, ChildStarted)][number:]

    return (await eventually(started))[0]


async def reaches(mill: Mill, instance_id: UUID, status: str, timeout: float = 10.0) -> InstanceView:
    """The instance as soon as it has this status."""

    async def view() -> InstanceView | None:
        found = await mill.instance(instance_id)
        assert found.status == status, (found.status, found.error)
        return found

    found = await eventually(view, timeout)
    assert found is not None
    return found


async def send_go(mill: Mill, instance_id: UUID) -> None:
    """Send the signal `go` to an instance."""
    await mill.runtime.bus.ask_for(
        SignalInstance(caller=ALICE, instance_id=instance_id, signal_id=new_id(), body=SignalBody(name="go"))
    )


async def cancel(mill: Mill, instance_id: UUID) -> None:
    """Alice cancels an instance."""
    await mill.runtime.bus.ask_for(CancelInstance(caller=ALICE, instance_id=instance_id))


async def request_of(mill: Mill, instance_id: UUID) -> facts.InstanceRequested:
    """The first fact of an instance."""
    first = (await mill.facts(instance_id))[0]
    assert isinstance(first, facts.InstanceRequested)
    return first
