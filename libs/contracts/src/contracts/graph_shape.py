"""The shape of a workflow graph: what can be reached, which edges close cycles, which loops they make."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from contracts.workflow import Edge, Node, WorkflowGraph

START = "start"
END = "end"
CONDITION = "condition"
SPLITS = ("parallel", "inclusive", "exclusive")

MAX_LOOP_STEPS = 500_000
"""Edges walked while the bodies of all loops are collected; deeper nesting is refused."""


class TooTangled(ValueError):
    """The loops of this graph overlap so much that their bodies cannot be listed in reasonable time."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A natural loop: where it begins again (`header`), the nodes inside (header included), the edges that close it."""

    header: str
    body: frozenset[str]
    back_edges: frozenset[int]
    """Indices into the graph's edges."""


class Adjacency:
    """The edges of a graph by their ends; edges that name unknown nodes are left out."""

    def __init__(self, graph: WorkflowGraph) -> None:
        """Index the graph once; costs time linear in its size."""
        self.edges = graph.edges
        self.nodes: dict[str, Node] = {node.id: node for node in graph.nodes}
        self.outgoing: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        self.incoming: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        for index, edge in enumerate(graph.edges):
            if edge.source in self.nodes and edge.target in self.nodes:
                self.outgoing[edge.source].append(index)
                self.incoming[edge.target].append(index)
        self.start = next((node.id for node in graph.nodes if node.type == START), None)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The nodes that some path from the start leads to, the start included; empty without one."""
        return frozenset(_reachable(self))

    @cached_property
    def closing(self) -> frozenset[int]:
        """Indices of the edges that close a cycle, in depth-first order from the start, edges tried in array order."""
        return _back_edges(self)

    @cached_property
    def only_ways(self) -> frozenset[str]:
        """The nodes with exactly one edge out of them that is not for errors."""
        return frozenset(
            node_id
            for node_id, outgoing in self.outgoing.items()
            if sum(self.edges[index].on_error is None for index in outgoing) == 1
        )

    def always_taken(self, edge: Edge) -> bool:
        """Whether a token leaves by this edge whatever the data says."""
        if edge.condition is not None or edge.on_error is not None:
            return False
        return split_of(self.nodes[edge.source]) in (None, "parallel") or edge.source in self.only_ways


def split_of(node: Node) -> str | None:
    """How a node chooses among its edges: "parallel", "inclusive", "exclusive", or None for all that hold."""
    split = node.config.get("split")
    return str(split) if split in SPLITS else "exclusive" if node.type == CONDITION else None


def back_edges(graph: WorkflowGraph | Adjacency) -> frozenset[int]:
    """Indices of the edges that close a cycle, in depth-first order from `start`, edges tried in array order.

    Nodes that `start` does not reach are not looked at.
    """
    return _shape(graph).closing


def loops(graph: WorkflowGraph | Adjacency) -> tuple[Loop, ...]:
    """The natural loops, one for each header, in the order their headers stand in the graph.

    The body of a back edge u -> t is t and every node that t leads to and that reaches u without passing t; the
    bodies of back edges to the same header are one loop. Raises `TooTangled` past `MAX_LOOP_STEPS`.
    """
    shape = _shape(graph)
    closing: dict[str, list[int]] = {}
    for index in shape.closing:
        closing.setdefault(shape.edges[index].target, []).append(index)
    if not closing:
        return ()
    targets = {node_id: [edge.target for edge in _edges(shape, node_id)] for node_id in shape.reached}
    cycles = [frozenset(part) for part in _components(targets) if _is_cycle(part, targets)]
    cycle_of = {node_id: cycle for cycle in cycles for node_id in cycle}
    steps = MAX_LOOP_STEPS
    found = []
    for header in (node_id for node_id in shape.nodes if node_id in closing):
        body, walked = _body(shape, header, closing[header], cycle_of[header], steps)
        steps -= walked
        found.append(Loop(header, body, frozenset(closing[header])))
    return tuple(found)


def reachable(graph: WorkflowGraph | Adjacency) -> frozenset[str]:
    """The nodes that some path from `start` leads to, `start` included; empty without a start."""
    return _shape(graph).reached


def endless_cycles(graph: WorkflowGraph | Adjacency) -> tuple[tuple[str, ...], ...]:
    """Groups of nodes, in graph order, that a token which entered them can never leave for good.

    Either a cycle of edges that are always taken, or a strongly connected part with no edge out of it.
    Only what `start` reaches is judged; without a start, everything.
    """
    shape = _shape(graph)
    scope = shape.reached if shape.start is not None else frozenset(shape.nodes)
    always = {
        node_id: [edge.target for edge in _edges(shape, node_id) if shape.always_taken(edge)] for node_id in scope
    }
    every = {node_id: [edge.target for edge in _edges(shape, node_id)] for node_id in scope}
    driven = [part for part in _components(always) if _is_cycle(part, always)]
    covered = {node_id for part in driven for node_id in part}
    trapped = [
        part
        for part in _components(every)
        if _is_cycle(part, every) and not _has_exit(part, every) and covered.isdisjoint(part)
    ]
    order = {node_id: place for place, node_id in enumerate(shape.nodes)}
    groups = [tuple(sorted(part, key=order.__getitem__)) for part in driven + trapped]
    return tuple(sorted(groups, key=lambda group: order[group[0]]))


def _shape(graph: WorkflowGraph | Adjacency) -> Adjacency:
    return graph if isinstance(graph, Adjacency) else Adjacency(graph)


def _edges(shape: Adjacency, node_id: str) -> Iterator[Edge]:
    return (shape.edges[index] for index in shape.outgoing[node_id])


def _back_edges(shape: Adjacency) -> frozenset[int]:
    if shape.start is None:
        return frozenset()
    found: set[int] = set()
    seen = {shape.start}
    path = {shape.start}
    stack = [(shape.start, iter(shape.outgoing[shape.start]))]
    while stack:
        node_id, pending = stack[-1]
        index = next(pending, None)
        if index is None:
            path.discard(node_id)
            stack.pop()
            continue
        target = shape.edges[index].target
        if target in path:
            found.add(index)
        elif target not in seen:
            seen.add(target)
            path.add(target)
            stack.append((target, iter(shape.outgoing[target])))
    return frozenset(found)


def _reachable(shape: Adjacency) -> set[str]:
    if shape.start is None:
        return set()
    reached = {shape.start}
    pending = [shape.start]
    while pending:
        for edge in _edges(shape, pending.pop()):
            if edge.target not in reached:
                reached.add(edge.target)
                pending.append(edge.target)
    return reached


def _body(
    shape: Adjacency, header: str, closing: Sequence[int], cycle: Collection[str], steps: int
) -> tuple[frozenset[str], int]:
    """The loop's nodes, found backwards from the sources of its closing edges, and how many edges that took."""
    body = {header}
    pending = []
    walked = 0
    for index in closing:
        source = shape.edges[index].source
        if source not in body:
            body.add(source)
            pending.append(source)
    while pending:
        incoming = shape.incoming[pending.pop()]
        walked += len(incoming)
        if walked > steps:
            raise TooTangled(f"loops are nested too deeply: more than {MAX_LOOP_STEPS:,} edges to walk")
        for index in incoming:
            source = shape.edges[index].source
            if source in cycle and source not in body:
                body.add(source)
                pending.append(source)
    return frozenset(body), walked


def _is_cycle(part: Sequence[str], targets: dict[str, list[str]]) -> bool:
    return len(part) > 1 or part[0] in targets[part[0]]


def _has_exit(part: Sequence[str], targets: dict[str, list[str]]) -> bool:
    inside = set(part)
    return any(target not in inside for node_id in part for target in targets[node_id])


def _components(targets: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components, by Kosaraju's two passes: forwards for the order, backwards for the parts."""
    sources: dict[str, list[str]] = {node_id: [] for node_id in targets}
    for node_id, ahead in targets.items():
        for target in ahead:
            sources[target].append(node_id)
    placed: set[str] = set()
    found = []
    for root in reversed(_finishing_order(targets)):
        if root in placed:
            continue
        placed.add(root)
        part = [root]
        for node_id in part:
            fresh = [source for source in sources[node_id] if source not in placed]
            placed.update(fresh)
            part.extend(dict.fromkeys(fresh))
        found.append(part)
    return found


def _finishing_order(targets: dict[str, list[str]]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for root, ahead in targets.items():
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(ahead))]
        while stack:
            node_id, pending = stack[-1]
            target = next((target for target in pending if target not in seen), None)
            if target is None:
                order.append(node_id)
                stack.pop()
            else:
                seen.add(target)
                stack.append((target, iter(targets[target])))
    return order
