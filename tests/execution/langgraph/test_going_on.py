"""Interrupted by waits, pauses, failures and deaths, LangGraph takes its thread up again and repeats nothing."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from chassis import clock
from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.execution import CancelInstance
from contracts.steering import PauseInstance, ResumeInstance, RetryInstance, TerminateInstance
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.domain.graph import CompiledGraph
from execution.domain.turn import Turn
from execution.driving.records import Records
from execution.langgraph.saver import EventStoreSaver
from execution.langgraph.stategraph import state_graph_of
from tests.execution.asking import begun, order, reaches, signal
from tests.support.blueprints import nap, passes, step
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

WAITING = a_graph(
    "start -> before", "before -> wait", "wait -> after", "start -> beside", "beside -> more", "more -> end",
    "after -> end", a_node("before", "tool"), a_node("wait", "signal", name="go"), a_node("after", "tool"),
    a_node("beside", "tool"), a_node("more", "tool"),
)  # fmt: skip
IN_BODIES = a_graph(
    "start -> each", "each -> end", "start -> beside", "beside -> more", "more -> end",
    a_node("each", "map", items=[1, 2, 3], body=passes(step("before"), step("ok", "signal", name="go"), step("after"))),
    a_node("beside", "tool"), a_node("more", "tool"),
)  # fmt: skip


async def know(mill: Mill, graph: WorkflowGraph, **config: Any) -> Any:
    return await mill.know(graph, executor="langgraph", **config)


async def done(mill: Mill, run: UUID) -> Counter[str]:
    """How often each node was completed."""
    told = await mill.facts(run)
    return Counter(event.node_id for event in told if isinstance(event, facts.NodeCompleted))


async def interrupts(mill: Mill, run: UUID, graph: WorkflowGraph) -> list[Any]:
    """What LangGraph itself says that it is interrupted at."""
    app = state_graph_of(CompiledGraph(graph)).copy({"checkpointer": EventStoreSaver(mill.runtime.store)})
    state = await app.aget_state({"configurable": {"thread_id": str(run)}})
    return [interrupted.value for interrupted in state.interrupts]


async def test_a_wait_is_an_interrupt_and_holds_up_no_other_branch(mill: Mill) -> None:
    run = await begun(mill, await know(mill, WAITING))
    await reaches(mill, run, "waiting")
    assert await done(mill, run) == Counter(("start", "before", "beside", "more"))
    waiting = {"node": "wait", "visit": 1, "scope": "", "waits_for": ["signal go"]}
    await eventually(lambda: _is(interrupts(mill, run, WAITING), [waiting]))


async def _is(asked: Any, wanted: object) -> bool:
    return bool(await asked == wanted)


async def test_a_restart_while_it_waits_resumes_the_interrupt(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    async with milling(execution_dsn, nats_url, namespace) as first:
        run = await begun(first, await know(first, WAITING))
        await reaches(first, run, "waiting")
    async with milling(execution_dsn, nats_url, namespace) as second:
        await signal(second, run, "go")
        await reaches(second, run, "completed")
        assert set((await done(second, run)).values()) == {1}
        assert await interrupts(second, run, WAITING) == []


async def test_waits_in_bodies_hold_nothing_up_and_outlast_a_restart(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    async with milling(execution_dsn, nats_url, namespace) as first:
        run = await begun(first, await know(first, IN_BODIES))
        await reaches(first, run, "waiting")
        so_far = {"start": 1, "beside": 1, "more": 1, "before": 3, "before_start": 3}
        assert await done(first, run) == so_far
    async with milling(execution_dsn, nats_url, namespace) as second:
        for _ in range(3):
            await signal(second, run, "go")
        await reaches(second, run, "completed")
        found = await done(second, run)
    assert (found["before"], found["ok"], found["after"], found["end"]) == (3, 3, 3, 1)


async def test_a_death_in_the_middle_repeats_no_completed_step(mill: Mill) -> None:
    graph = a_graph(
        "start -> a", "a -> nap", "nap -> b", "b -> end", a_node("a", "tool"), a_node("b", "tool"),
        a_node("nap", "tool", name="sleep", arguments={"seconds": 0.4}),
    )  # fmt: skip
    run = await begun(mill, await know(mill, graph))

    async def naps() -> bool:
        return any(isinstance(event, facts.NodeStarted) and event.node_id == "nap" for event in await mill.facts(run))

    await eventually(naps)
    records = Records(mill.runtime.store)
    turn = Turn(await records.load(run), clock.now())
    turn.record(facts.InstanceClaimed, worker_id=new_id(), epoch=turn.instance.epoch + 1)
    await records.append(turn.events)
    await reaches(mill, run, "completed")
    assert [event.epoch for event in await mill.facts(run) if isinstance(event, facts.InstanceClaimed)] == [2, 3]
    assert await done(mill, run) == Counter(("start", "a", "nap", "b", "end"))


async def test_a_failed_run_that_is_retried_goes_on_at_the_failed_node(mill: Mill) -> None:
    shaky = step("shaky", name="fail", arguments={"error_type": "permanent", "times": 1})
    graph = a_graph(
        "start -> a", "a -> all", "all -> end", a_node("a", "tool"),
        a_node("all", "region", body=passes(step("first"), shaky, step("last"))),
    )  # fmt: skip
    run = await begun(mill, await know(mill, graph))
    await reaches(mill, run, "failed")
    await order(mill, RetryInstance, run)
    await reaches(mill, run, "completed")
    assert set((await done(mill, run)).values()) == {1}


async def test_an_instance_retry_is_no_other_way(mill: Mill) -> None:
    graph = a_graph(
        "start -> a", "a -> shaky", "start -> b", "b -> end", "shaky -> end", a_node("a", "tool"), a_node("b", "tool"),
        a_node("shaky", "tool", name="fail", arguments={"error_type": "transient", "times": 1}),
    )  # fmt: skip
    policy = {"max_attempts": 2, "backoff_seconds": 0.05}
    once = {"max_attempts": 1}
    config = BlueprintConfig.model_validate({"instance_retry": policy, "retry": once})
    answer = await mill.execute(await know(mill, graph, instance_retry=config.instance_retry, retry=config.retry))
    assert answer.status == "completed", answer.error
    assert set((await done(mill, answer.instance_id)).values()) == {1}


async def test_a_paused_run_goes_on_when_it_is_resumed(mill: Mill) -> None:
    graph = a_graph(
        "start -> nap", "nap -> b", "b -> end", a_node("b", "tool"),
        a_node("nap", "tool", name="sleep", arguments={"seconds": 0.3}),
    )  # fmt: skip
    run = await begun(mill, await know(mill, graph))
    await order(mill, PauseInstance, run)
    await reaches(mill, run, "paused")
    assert (await done(mill, run))["b"] == 0
    await order(mill, ResumeInstance, run)
    await reaches(mill, run, "completed")
    assert set((await done(mill, run)).values()) == {1}


@pytest.mark.parametrize("how", ["cancelled", "terminated"])
async def test_a_run_ends_as_it_is_told_to(mill: Mill, how: str) -> None:
    graph = a_graph("start -> book", "book -> nap", a_node("book", "tool", compensate="undo"), a_node("undo", "tool"),
                    a_node("nap", "tool", name="sleep", arguments={"seconds": 30}))  # fmt: skip
    run = await begun(mill, await know(mill, graph))
    await eventually(lambda: _has(mill, run, "book"))
    if how == "cancelled":
        await mill.runtime.bus.ask_for(CancelInstance(caller=ALICE, instance_id=run))
    else:
        await order(mill, TerminateInstance, run)
    await reaches(mill, run, how)
    assert (await done(mill, run))["undo"] == (how == "cancelled")


async def _has(mill: Mill, run: UUID, node_id: str) -> bool:
    return (await done(mill, run))[node_id] > 0


async def test_a_body_at_work_holds_up_no_branch_beside_it(mill: Mill) -> None:
    slow = passes(nap("slow", 0.6), step("then"))
    graph = a_graph(
        "start -> all", "start -> a", "a -> b", "b -> c", a_node("all", "region", body=slow),
        *(a_node(name, "tool") for name in "abc"),
    )  # fmt: skip
    answer = await mill.execute(await know(mill, graph))
    order_of = [
        event.node_id for event in await mill.facts(answer.instance_id) if isinstance(event, facts.NodeCompleted)
    ]
    assert order_of.index("c") < order_of.index("slow")
    assert set((await done(mill, answer.instance_id)).values()) == {1}
