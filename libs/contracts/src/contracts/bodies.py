"""Every graph of a blueprint, its own and those in the bodies of its nodes, each with its place."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from contracts.drafts import Draft
from contracts.graph_shape import Adjacency
from contracts.message import JsonObject
from contracts.node_types import BODY_TYPES
from contracts.parsing import Faults, problems_in
from contracts.refusal import Problem
from contracts.workflow import MAX_BODY_DEPTH, MAX_EDGES, MAX_NODES, Node, WorkflowGraph

MAX_CONFIG_DEPTH = 128
"""Levels of objects and lists in one node's configuration, bodies included."""
ITEM_TYPES = frozenset({"loop", "map"})
"""Types whose bodies have `index` in scope and, where they go through `items`, `item`."""


class PlacedGraph:
    """A graph and where it stands: `at` is its pointer, `holder` the node whose body it is, `around` that node's."""

    def __init__(
        self, graph: WorkflowGraph, at: str = "", holder: Node | None = None, around: "PlacedGraph | None" = None
    ) -> None:
        """The blueprint's own graph has no holder and nothing around it."""
        self.draft: Draft | None = None
        """What could be read of a body that has not the shape of a graph."""
        self.graph = graph
        self.at = at
        self.holder = holder
        self.around = around
        self.nodes: dict[str, Node] = {node.id: node for node in reversed(graph.nodes)}
        self.bodies: dict[int, PlacedGraph] = {}
        """The graphs in it, by the index of the node that holds each."""
        self.undoers = frozenset(name for node in graph.nodes if isinstance(name := node.config.get("compensate"), str))
        """The nodes that compensate others."""

    @cached_property
    def shape(self) -> Adjacency:
        """Its nodes and edges by their ends."""
        return Adjacency(self.graph)

    def news(self, problems: Iterable[Problem]) -> "Iterator[Problem]":
        """The problems that do not only follow from what could not be read, here or further out."""
        drafts = [(placed.draft, len(placed.at)) for placed in self.outwards() if placed.draft is not None]
        for problem in problems:
            if all(draft.is_news(problem.model_copy(update={"pointer": problem.pointer[n:]})) for draft, n in drafts):
                yield problem

    def outwards(self) -> "Iterator[PlacedGraph]":
        """The graph itself, the one around it, and so on to the blueprint's own."""
        placed: PlacedGraph | None = self
        while placed is not None:
            yield placed
            placed = placed.around

    def local_roots(self) -> frozenset[str]:
        """The names that expressions have here and not everywhere."""
        found: set[str] = set()
        for placed in self.outwards():
            if placed.holder is None or placed.around is None:
                break
            if placed.holder.type in ITEM_TYPES:
                found |= {"item", "index"} if "items" in placed.holder.config else {"index"}
            if placed.holder.id in placed.around.undoers:
                found.add("compensated")
        return frozenset(found)


def body_of(node: Node) -> JsonObject | None:
    """The graph inside a loop, map or region as it was written, if it is an object at all."""
    body = node.config.get("body") if node.type in BODY_TYPES else None
    return body if isinstance(body, dict) else None


def nests_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value has more levels of objects and lists than that; looks no deeper."""
    layer = [value]
    for _ in range(levels):
        layer = [
            member
            for container in layer
            for member in (container.values() if isinstance(container, dict) else container)
            if isinstance(member, dict | list)
        ]
        if not layer:
            return False
    return True


def placed_graphs(graph: WorkflowGraph) -> tuple[list[PlacedGraph], list[Problem]]:
    """The blueprint's own graph, then the bodies, outer before inner; and what keeps a body from being read."""
    found = [PlacedGraph(graph)]
    problems: list[Problem] = []
    nodes, edges = len(graph.nodes), len(graph.edges)
    for placed in found:
        for index, at, body in _bodies(placed):
            if sentence := _too_deep(body, placed):
                problems.append(Problem(pointer=at, code="too_deep", message=sentence))
                continue
            inner, faults = _read(body, at, placed.graph.nodes[index], placed)
            problems += placed.news(faults)
            nodes, edges = nodes + len(inner.graph.nodes), edges + len(inner.graph.edges)
            if nodes > MAX_NODES or edges > MAX_EDGES:
                return found, [*problems, _too_many(at, nodes)]
            placed.bodies[index] = inner
            found.append(inner)
    return found, problems


def _bodies(placed: PlacedGraph) -> Iterator[tuple[int, str, JsonObject]]:
    for index, node in enumerate(placed.graph.nodes):
        body = body_of(node)
        if body is not None:
            yield index, f"{placed.at}/nodes/{index}/config/body", body


def _too_deep(body: JsonObject, around: PlacedGraph) -> str | None:
    depth = sum(1 for _ in around.outwards())
    if depth <= MAX_BODY_DEPTH and (depth > 1 or not nests_deeper(body, MAX_CONFIG_DEPTH)):
        return None
    return f"Bodies nest at most {MAX_BODY_DEPTH} deep; run another blueprint from here (type `blueprint`)."


def _read(body: JsonObject, at: str, holder: Node, around: PlacedGraph) -> tuple[PlacedGraph, list[Problem]]:
    """The graph, as far as it is one, and what is wrong with its shape."""
    try:
        return PlacedGraph(WorkflowGraph.model_validate_json(to_json(body), strict=True), at, holder, around), []
    except ValidationError as error:
        shape = problems_in(error, WorkflowGraph, body)
    draft = Draft(Faults(body, (), shape))
    read = draft.body()
    placed = PlacedGraph(WorkflowGraph.model_construct(nodes=read.nodes, edges=read.edges), at, holder, around)
    placed.draft = draft
    return placed, [problem.model_copy(update={"pointer": at + problem.pointer}) for problem in shape]


def _too_many(at: str, nodes: int) -> Problem:
    what, limit = ("nodes", MAX_NODES) if nodes > MAX_NODES else ("edges", MAX_EDGES)
    sentence = f"With the {what} of this body the blueprint has more than {limit:,}; let another blueprint do a part."
    return Problem(pointer=f"{at}/{what}", code=f"too_many_{what}", message=sentence)
