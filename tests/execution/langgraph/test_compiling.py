"""The StateGraph of a version: the same in every process, since LangGraph's threads outlive processes."""

import subprocess
import sys

from execution.domain.graph import CompiledGraph
from execution.langgraph.stategraph import state_graph_of
from tests.support.blueprints import passes, step
from tests.support.builders import a_graph, a_node

JOINED = a_graph(
    "start -> split", "split -> a if input.x", "split -> b", "a -> end", "b -> end", "start -> c", "c -> end",
    "end -> each", a_node("split", "condition"), a_node("end", "transform"),
    a_node("each", "loop", items=[1], body=passes(step("inside"))),
)  # fmt: skip
PROGRAM = f"""
from contracts.workflow import WorkflowGraph
from execution.domain.graph import CompiledGraph
from execution.langgraph.stategraph import state_graph_of
builder = state_graph_of(CompiledGraph(WorkflowGraph.model_validate_json({JOINED.model_dump_json()!r}))).builder
print(list(builder.nodes), sorted(builder.waiting_edges), sorted(builder.edges))
"""


def test_every_node_is_a_node_and_every_body_a_graph_inside() -> None:
    nodes = set(state_graph_of(CompiledGraph(JOINED)).builder.nodes)
    assert nodes == {
        *(f"node {name}" for name in ("start", "split", "a", "b", "c", "end", "each")),
        "body each",
        "join 1 end",
        "join 2 end",
    }


def test_a_version_is_compiled_once() -> None:
    graph = CompiledGraph(JOINED)
    assert state_graph_of(graph) is state_graph_of(graph)


def test_it_is_the_same_in_every_process() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(printed) == 1
