"""The StateGraph says what begins: without it nothing does, and where it says something else the run fails."""

import asyncio

import pytest

from chassis import clock
from chassis.ids import new_id
from chassis.memory import MemoryEventStore
from contracts import instance_events as facts
from contracts.execution import ExecuteBody
from contracts.refusal import Conflict, Invalid
from contracts.steering import CancelNode
from contracts.workflow import BlueprintConfig, RunConfig, WorkflowGraph
from execution import door
from execution.domain.decisions.advancing import advance, conclude
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.driving.records import Records
from execution.executors.strategy import Session
from execution.langgraph.session import LangGraphSession
from tests.execution.asking import begun, order
from tests.support.builders import a_graph, a_node, a_reference, an_execution
from tests.support.mill import Mill

PATIENCE_SECONDS = 10.0
CHAIN = a_graph("start -> a", "a -> b")
JOINED_ANYHOW = a_graph("start -> a", "start -> b", "a -> end", "b -> end", a_node("end", "end", join="any"))


def accepted(graph: WorkflowGraph) -> Instance:
    """A run that langgraph is to schedule."""
    command = an_execution(a_reference())
    instance = Instance(command.instance_id, CompiledGraph(graph))
    request = door.requested(command, BlueprintConfig(executor="langgraph"), clock.now(), new_id())
    Turn(instance, clock.now()).take(request)
    return instance


def turn(instance: Instance, session: Session | None = None) -> list[facts.InstanceEvent]:
    """Everything that follows now."""
    now = Turn(instance, clock.now(), session)
    advance(now)
    conclude(now)
    return now.events


async def conducted_as(other: WorkflowGraph, instance: Instance) -> None:
    """Run the instance to its end with a StateGraph made of another graph."""
    news = asyncio.Event()
    turn(instance)
    session = LangGraphSession(instance, CompiledGraph(other), Records(MemoryEventStore()), news.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not instance.ended:
            await news.wait()
            news.clear()
            session.hear(turn(instance, session), instance)
    session.stop()


def test_our_own_graph_code_begins_nothing_and_lets_nothing_rest() -> None:
    instance = accepted(CHAIN)
    assert [type(event).__name__ for event in turn(instance)] == ["InstanceStarted"]
    assert [visit.node_id for visit in instance.ready] == ["start"]
    assert turn(instance) == []


async def test_a_state_graph_that_leads_elsewhere_fails_the_run() -> None:
    instance = accepted(CHAIN)
    await conducted_as(a_graph("start -> b", "b -> a"), instance)
    assert instance.error is not None
    assert (instance.status, instance.error.code) == ("failed", "executor_disagrees")


async def test_a_state_graph_that_asks_for_more_than_there_is_fails_the_run() -> None:
    instance = accepted(a_graph("start -> a", "start -> a if true"))
    await conducted_as(a_graph("start -> a", "start -> b"), instance)
    assert instance.error is not None
    assert (instance.status, instance.error.code) == ("failed", "executor_disagrees")


async def test_a_run_on_another_executor_than_its_blueprints_is_refused_where_it_cannot_work(mill: Mill) -> None:
    blueprint = await mill.know(JOINED_ANYHOW)
    body = ExecuteBody(config=RunConfig(executor="langgraph"))
    with pytest.raises(Invalid) as refused:
        await mill.execute(blueprint, body=body)
    (problem,) = refused.value.errors
    assert (refused.value.code, problem.pointer) == ("executor_cannot", "/config/executor")
    assert "`end` is visited before all live branches have come (`any`)" in problem.message


async def test_an_executor_that_there_is_not_is_refused_with_those_there_are(mill: Mill) -> None:
    body = ExecuteBody(config=RunConfig(executor="fast"))
    with pytest.raises(Invalid) as refused:
        await mill.execute(await mill.know(CHAIN), body=body)
    assert "known are sequential, parallel, langgraph" in refused.value.errors[0].message


async def test_a_single_node_is_not_given_up(mill: Mill) -> None:
    graph = a_graph("start -> wait", a_node("wait", "signal", name="go"))
    run = await begun(mill, await mill.know(graph, executor="langgraph"))
    with pytest.raises(Conflict, match="cannot give up a single node"):
        await order(mill, CancelNode, run, node_id="wait")
