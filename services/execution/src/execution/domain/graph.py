"""A blueprint's graph, prepared once: edges by node, loops, joins, bodies, and what a join withdraws (pure)."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from contracts.expression_text import templates_in
from contracts.graph_shape import Loop, back_edges, loops
from contracts.message import JsonObject
from contracts.node_types import BODY_TYPES, templates_of
from contracts.secret_rules import secrets_in, takes_secrets
from contracts.workflow import Edge, Join, Node, WorkflowGraph, policy_of

PLAIN_JOIN = Join()


class CompiledGraph:
    """A graph prepared once per blueprint version, shared by all of its instances; never changes."""

    def __init__(self, graph: WorkflowGraph) -> None:
        """Index nodes and edges, and find the edges that go back, enter and leave loops."""
        self.nodes: dict[str, Node] = {node.id: node for node in graph.nodes}
        self.edges: tuple[Edge, ...] = graph.edges
        self.start = next(node.id for node in graph.nodes if node.type == "start")
        self.back = back_edges(graph)
        self.loops: tuple[Loop, ...] = tuple(sorted(loops(graph), key=lambda loop: len(loop.body)))
        self.outgoing: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        self.catching: dict[str, list[int]] = {}
        """Error edges by the node whose failure they catch; `outgoing` has the others."""
        self.leaving: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        self.incoming: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        for index, edge in enumerate(graph.edges):
            self.leaving[edge.source].append(index)
            if edge.on_error:
                self.catching.setdefault(edge.source, []).append(index)
            else:
                self.outgoing[edge.source].append(index)
            if index not in self.back:
                self.incoming[edge.target].append(index)
        self.loops_of: dict[str, list[int]] = {}
        for number, loop in enumerate(self.loops):
            for node_id in loop.body:
                self.loops_of.setdefault(node_id, []).append(number)
        self.entered_loop: dict[int, int] = self.edges_across(inward=True)
        self.left_loop: dict[int, int] = self.edges_across(inward=False)
        self.exits: list[list[int]] = [[] for _ in self.loops]
        for index, number in self.left_loop.items():
            self.exits[number].append(index)
        self.entries: list[list[int]] = [[] for _ in self.loops]
        for index, number in self.entered_loop.items():
            self.entries[number].append(index)
        self.joins: dict[str, Join] = {node.id: join for node in graph.nodes if (join := join_of(node)) != PLAIN_JOIN}
        self.bodies: dict[str, CompiledGraph] = {
            node.id: CompiledGraph(body_of(node)) for node in graph.nodes if node.type in BODY_TYPES
        }
        self._branches: dict[str, tuple[str, ...]] = {}

    @property
    def written(self) -> WorkflowGraph:
        """The graph as it is in the blueprint."""
        return WorkflowGraph.model_construct(nodes=tuple(self.nodes.values()), edges=self.edges)

    @cached_property
    def secrets(self) -> dict[str, tuple[str, ...]]:
        """The names of the secrets that each node reads; nodes that read none are left out."""
        named = ((node.id, secrets_in(templates_of(node))) for node in self.nodes.values() if takes_secrets(node.type))
        return {node_id: names for node_id, names in named if names}

    @cached_property
    def plain_configs(self) -> dict[str, JsonObject]:
        """What is rendered of the nodes in which no expression stands: it is the same in every run."""
        configs = {node.id: templates_of(node) for node in self.nodes.values()}
        return {node_id: config for node_id, config in configs.items() if next(templates_in(config), None) is None}

    @cached_property
    def places(self) -> dict[str, "CompiledGraph"]:
        """Every node id, of bodies too, with the graph it stands in."""
        found: dict[str, CompiledGraph] = dict.fromkeys(self.nodes, self)
        for body in self.bodies.values():
            found |= body.places
        return found

    def is_bare_end(self, node_id: str) -> bool:
        """Whether it is an `end` that leaves the output to the nodes before it."""
        node = self.nodes[node_id]
        return node.type == "end" and "output" not in node.config

    def edges_across(self, *, inward: bool) -> dict[int, int]:
        """Forward edges that cross a loop's border, with the outermost loop that they enter (or leave)."""
        crossing: dict[int, int] = {}
        for index, edge in enumerate(self.edges):
            inside, outside = (edge.target, edge.source) if inward else (edge.source, edge.target)
            crossed = [n for n in self.loops_of.get(inside, ()) if outside not in self.loops[n].body]
            if crossed and index not in self.back:
                crossing[index] = max(crossed, key=lambda n: len(self.loops[n].body))
        return crossing

    def branches_into(self, node_id: str) -> tuple[str, ...]:
        """The nodes between a join and the split that all ways into it come from: what `cancel_rest` withdraws."""
        if node_id not in self._branches:
            self._branches[node_id] = self.between(self.split_of(node_id), node_id)
        return self._branches[node_id]

    def between(self, split: str, join: str) -> tuple[str, ...]:
        """Every node from which `join` is reached without passing `split`, in graph order."""
        found: set[str] = set()
        pending = [join]
        sources: dict[str, list[str]] = {}
        for edge in self.edges:
            sources.setdefault(edge.target, []).append(edge.source)
        while pending:
            for source in sources.get(pending.pop(), ()):
                if source not in found and source not in (split, join):
                    found.add(source)
                    pending.append(source)
        return tuple(node_id for node_id in self.nodes if node_id in found)

    def split_of(self, join: str) -> str:
        """The node nearest before `join` that every forward path to it passes (its immediate dominator)."""
        rank = {node_id: place for place, node_id in enumerate(self.forward_order())}
        nearest: dict[str, str] = {self.start: self.start}
        for node_id in rank:
            sources = [self.edges[index].source for index in self.incoming[node_id]]
            known = [source for source in sources if source in nearest]
            if known and node_id != self.start:
                common = known[0]
                for source in known[1:]:
                    common = common_ancestor(nearest, rank, common, source)
                nearest[node_id] = common
        return nearest.get(join, self.start)

    def forward_order(self) -> list[str]:
        """The nodes in an order in which every forward edge leads onward."""
        missing = {node_id: len(incoming) for node_id, incoming in self.incoming.items()}
        order = [node_id for node_id, count in missing.items() if count == 0]
        for node_id in order:
            for index in self.leaving[node_id]:
                if index not in self.back:
                    target = self.edges[index].target
                    missing[target] -= 1
                    if missing[target] == 0:
                        order.append(target)
        return order


def common_ancestor(nearest: dict[str, str], rank: dict[str, int], one: str, other: str) -> str:
    """Where the dominators of two nodes meet."""
    while one != other:
        if rank[one] > rank[other]:
            one = nearest[one]
        else:
            other = nearest[other]
    return one


def join_of(node: Node) -> Join:
    """How a node joins the edges into it."""
    raw: Any = policy_of(node, "join")
    if raw is None:
        return PLAIN_JOIN
    return Join.model_validate({"kind": raw} if isinstance(raw, str) else raw)


def body_of(node: Node) -> WorkflowGraph:
    """The graph that a loop, map or region runs; a map over a blueprint calls it from a body of one node."""
    if node.config.get("body") is not None:
        return WorkflowGraph.model_validate(node.config["body"])
    call = Node(id=f"{node.id}.call", type="blueprint", config=dict(node.config["blueprint"]))
    end = Node(id=f"{node.id}.end", type="end", config={"output": f'${{ nodes["{call.id}"] }}'})
    start = Node(id=f"{node.id}.start", type="start")
    chain: Iterable[tuple[str, str]] = ((start.id, call.id), (call.id, end.id))
    return WorkflowGraph(
        nodes=(start, call, end), edges=tuple(Edge(source=source, target=target) for source, target in chain)
    )
