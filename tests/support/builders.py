"""Graphs, blueprints and requests for specifications: valid unless told otherwise."""

from typing import Any
from uuid import UUID

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.execution import ExecuteBlueprint, ExecuteBody
from contracts.message import Caller
from contracts.workflow import Edge, Node, WorkflowGraph

ALICE = Caller(user_id="alice", teams=("mill",))
BOB = Caller(user_id="bob")


def a_node(id: str, type: str = "transform", **config: Any) -> Node:
    """A node; a transform that yields its own id unless told otherwise."""
    if type == "transform" and "output" not in config:
        config["output"] = id
    if type == "tool":
        config.setdefault("name", "echo")
        config.setdefault("arguments", {"node": id})
    return Node(id=id, type=type, config=config)


def an_edge(text: str) -> Edge:
    """`a -> b`, `a -> b if CEL`, or `a -> b on timeout` (`on any`) for an error edge."""
    ends, _, condition = text.partition(" if ")
    ends, _, caught = ends.partition(" on ")
    source, target = (part.strip() for part in ends.split("->"))
    fields = {"source": source, "target": target, "condition": condition.strip() or None}
    return Edge.model_validate(fields | ({"on_error": caught.strip()} if caught else {}))


def a_graph(*parts: Node | str, start: str = "start") -> WorkflowGraph:
    """A graph of nodes and edges as text; nodes that only edges name are transforms, or what `start` and `end` say."""
    nodes = {part.id: part for part in parts if isinstance(part, Node)}
    edges = tuple(an_edge(part) for part in parts if isinstance(part, str))
    for edge in edges:
        for name in (edge.source, edge.target):
            nodes.setdefault(name, a_node(name, name if name in ("start", "end") else "transform"))
    nodes.setdefault(start, a_node(start, "start"))
    return WorkflowGraph(nodes=tuple(nodes.values()), edges=edges)


def a_reference(**changed: Any) -> BlueprintReference:
    """A blueprint of alice's, version 1."""
    facts: dict[str, Any] = {
        "id": new_id(),
        "version": 1,
        "position": 1,
        "latest_version": 1,
        "owner_id": ALICE.user_id,
        "team_id": None,
        "visibility": "private",
        "archived": False,
    }
    return BlueprintReference.model_validate(facts | changed)


def an_execution(blueprint: BlueprintReference, input: Any = None, **changed: Any) -> ExecuteBlueprint:
    """Alice asks to execute a blueprint."""
    body = changed.pop("body", None) or ExecuteBody(input=input)
    facts: dict[str, Any] = {"caller": ALICE, "instance_id": new_id(), "blueprint": blueprint, "body": body}
    return ExecuteBlueprint(**(facts | changed))


def an_id(number: int) -> UUID:
    """A fixed id for readable failures."""
    return UUID(int=number)
