"""Blueprints run by LangGraph on the real stack: the facts are those of any executor."""

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from contracts import instance_events as facts
from contracts.workflow import WorkflowGraph
from execution.langgraph.saver import EventStoreSaver
from tests.support.blueprints import passes, step
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

FLAKY = {"name": "fail", "arguments": {"error_type": "transient", "times": 1}, "retry": {"backoff_seconds": 0.01}}
BROKEN = {"name": "fail", "arguments": {"error_type": "permanent"}}
DOUBLED = passes(step("twice", "transform", output="${ item * 2 }"), step("told", output="${ nodes.twice }"))

GRAPHS: dict[str, WorkflowGraph] = {
    "chain": a_graph("start -> pay", "pay -> ship", "ship -> end", a_node("pay", "tool"), a_node("ship", "tool")),
    "condition": a_graph(
        "start -> check", "check -> much if input.n > 5", "check -> little", a_node("check", "condition")
    ),
    "back edge": a_graph(
        "start -> add",
        "add -> work",
        "work -> check",
        "check -> add if vars.n < 4",
        "check -> end",
        a_node("add", "variable", operation="increment", name="n"),
        a_node("work", "tool"),
        a_node("check", "condition"),
    ),
    "all join": a_graph(
        *(text for name in "abcdef" for text in (f"start -> {name}", f"{name} -> {name}2", f"{name}2 -> end")),
        *(a_node(name, "tool") for name in "abcdef"),
    ),
    "wide join": a_graph(
        *(text for number in range(70) for text in (f"start -> n{number}", f"n{number} -> end")),
    ),
    "error edge": a_graph("start -> a", "a -> b", "a -> sorry on any", a_node("a", "tool", **BROKEN)),
    "retry": a_graph("start -> a", "a -> end", a_node("a", "tool", **FLAKY)),
    "loop": a_graph("start -> each", "each -> end", a_node("each", "loop", items="${ input.items }", body=DOUBLED)),
    "map": a_graph(
        "start -> each",
        "each -> end",
        a_node("each", "map", items="${ input.items }", body=DOUBLED, max_concurrency=2),
    ),
    "map retried": a_graph(
        "start -> each", "each -> end", a_node("each", "map", items=[1, 2], body=passes(step("flaky", **FLAKY)))
    ),
    "region caught": a_graph(
        "start -> all", "all -> end", "all -> sorry on any", a_node("all", "region", body=passes(step("bad", **BROKEN)))
    ),
    "bodies in bodies": a_graph(
        "start -> outer",
        "outer -> end",
        a_node("outer", "map", items=[1, 2], body=passes(step("inner", "loop", items=[3, 4], body=DOUBLED))),
    ),
    "compensation": a_graph(
        "start -> book", "book -> bad", a_node("book", "tool", compensate="undo"), a_node("bad", "tool", **BROKEN),
        a_node("undo", "tool"),
    ),
    "delay": a_graph("start -> wait", "wait -> end", a_node("wait", "delay", seconds=0.05)),
}  # fmt: skip


def story(told: Sequence[facts.InstanceEvent]) -> Counter[str]:
    """The facts whatever their order, without what differs from run to run."""
    found: Counter[str] = Counter()
    for event in told:
        if isinstance(event, facts.NodeEvent | facts.InstanceEnded):
            changing = {"originator_id", "originator_version", "timestamp", "duration_ms", "figures", "requested_at"}
            changing |= {"blueprint_id", "due_at"}
            members = event.model_dump(mode="json", exclude=changing)
            found[f"{type(event).__name__} {json.dumps(members, sort_keys=True)}"] += 1
    return found


@pytest.mark.parametrize("name", GRAPHS)
async def test_the_same_facts_are_recorded_node_by_node(mill: Mill, name: str) -> None:
    told = []
    for executor in ("parallel", "langgraph"):
        blueprint = await mill.know(GRAPHS[name], executor=executor)
        answer = await mill.execute(blueprint, {"n": 7, "items": [1, 2, 3, 4, 5]})
        told.append(story(await mill.facts(answer.instance_id)))
    assert told[1] == told[0]


async def test_langgraphs_own_thread_tells_which_way_the_run_took(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(GRAPHS["back edge"], executor="langgraph"), {})
    saver = EventStoreSaver(mill.runtime.store)
    kept = await saver.aget_tuple({"configurable": {"thread_id": str(answer.instance_id)}})
    assert kept is not None
    values = kept.checkpoint["channel_values"]
    assert values["visit work"] == {"visit": 4, "taken": [2]}
    assert values["visit check"] == {"visit": 4, "taken": [4]}


async def test_a_long_chain_begins_nothing_twice(mill: Mill) -> None:
    count = 200
    graph = a_graph("start -> n0", *(f"n{number} -> n{number + 1}" for number in range(count)))
    answer = await mill.execute(await mill.know(graph, executor="langgraph"), wait=60)
    assert answer.status == "completed"
    done = [event.node_id for event in await mill.facts(answer.instance_id) if isinstance(event, facts.NodeCompleted)]
    assert done == ["start", *(f"n{number}" for number in range(count + 1))]
