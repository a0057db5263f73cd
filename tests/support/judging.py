"""Graphs judged by their rules, as tests write them down."""

from itertools import pairwise
from typing import Any

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.vocabulary import Vocabulary
from contracts.workflow import BlueprintConfig, WorkflowGraph

START = {"id": "start", "type": "start"}
TOOL = {"id": "work", "type": "tool", "config": {"name": "echo"}}
END = {"id": "end", "type": "end"}
LINE = [{"source": "start", "target": "work"}, {"source": "work", "target": "end"}]

Document = dict[str, Any]
Found = dict[str, tuple[str, str]]


def problems(nodes: list[Any], edges: list[Any], config: Document | None = None, **known: Any) -> Found:
    """Pointer -> code and sentence; `known` is what its vocabulary has."""
    graph = WorkflowGraph.model_validate({"nodes": nodes, "edges": edges})
    found = problems_of(graph, BlueprintConfig.model_validate(config or {}), CEL, Vocabulary(**known))
    assert len({problem.pointer for problem in found}) == len(found)
    return {problem.pointer: (problem.code, problem.message) for problem in found}


def with_node(node: Document, **known: Any) -> Found:
    """What is wrong with one node between a start and an end."""
    edges = [{"source": "start", "target": node["id"]}, {"source": node["id"], "target": "end"}]
    return problems([START, node, END], edges, **known)


def with_edge(**edge: Any) -> Found:
    """What is wrong with one more edge in the graph start, work, end."""
    return problems([START, TOOL, END], [*LINE, edge])


def node(node_id: str, node_type: str = "transform", /, **config: Any) -> Document:
    """A node; a transform has its output."""
    return {"id": node_id, "type": node_type, "config": {"output": 1} | config if node_type == "transform" else config}


def line(*nodes: Document) -> Document:
    """A graph of these nodes, one after the other."""
    edges = [{"source": one["id"], "target": other["id"]} for one, other in pairwise(nodes)]
    return {"nodes": list(nodes), "edges": edges}


def holding(holder: str, *inside: Document, name: str = "each", **config: Any) -> Document:
    """A node with a body: its start, then these nodes."""
    return {"id": name, "type": holder, "config": {"body": line(node(f"{name}-start", "start"), *inside), **config}}


def codes(found: Found) -> dict[str, str]:
    """Pointer -> code."""
    return {pointer: code for pointer, (code, _) in found.items()}
