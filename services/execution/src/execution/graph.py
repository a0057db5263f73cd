"""Which nodes are ready, given what is done: tokens on edges, joins, dead paths and loops (pure)."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.graph_shape import Loop, back_edges, loops
from contracts.workflow import Edge, Node, WorkflowGraph

Visit = tuple[str, int]
"""A node id and the number of its visit, from 1."""


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
        self.incoming: dict[str, list[int]] = {node_id: [] for node_id in self.nodes}
        for index, edge in enumerate(graph.edges):
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


@dataclass(slots=True)
class LoopRound:
    """What one loop is doing: how much of it lives, and which of its exits were taken meanwhile."""

    is_open: bool = False
    alive: int = 0
    exits_taken: set[int] = field(default_factory=set)


class Flow:
    """Where the tokens of one instance are.

    An edge holds its undelivered tokens in order, each alive or dead (the branch was not taken). A node is
    visited when every forward edge into it has a token, at least one of them alive; when all are dead it is
    passed over and its own edges die. A taken back edge starts a visit at once. An edge that leaves a loop dies
    only when nothing in the loop lives any more; one that enters it is waited for once per round of the loop.
    The cost of a step is the degree of its node, however large the graph.
    """

    __slots__ = ("graph", "leaving", "missing", "queued", "ready", "rounds", "satisfied", "visits")

    def __init__(self, graph: CompiledGraph) -> None:
        """No token anywhere; `begin` makes the start node ready."""
        self.graph = graph
        self.ready: OrderedDict[Visit, None] = OrderedDict()
        self.visits: dict[str, int] = {}
        self.queued: dict[int, deque[bool]] = {}
        self.missing: dict[str, int] = {}
        self.satisfied: set[int] = set()
        self.rounds = [LoopRound() for _ in graph.loops]
        self.leaving: deque[tuple[str, frozenset[int]]] = deque()

    def begin(self) -> None:
        """Make the start node ready."""
        self.visit(self.graph.start)

    def finish(self, node_id: str, taken: Iterable[int]) -> None:
        """A visit of `node_id` is done and goes on by the edges `taken` (indices); the others die."""
        self.leaving.append((node_id, frozenset(taken)))
        while self.leaving:
            source, alive_edges = self.leaving.popleft()
            for index in self.graph.outgoing[source]:
                self.send(index, alive=index in alive_edges)
            self.count(source, -1)
            self.close_quiet_loops(source)

    def send(self, index: int, *, alive: bool) -> None:
        """One edge of a finished or passed-over node: back, out of a loop, or plainly forward."""
        if index in self.graph.back:
            if alive:
                self.visit(self.graph.edges[index].target)
            return
        left = self.graph.left_loop.get(index)
        if left is not None:
            if not alive:
                return
            self.rounds[left].exits_taken.add(index)
        self.deliver(index, alive=alive)

    def deliver(self, index: int, *, alive: bool) -> None:
        """A token arrives at the end of an edge; its node is visited when it was the last one missing."""
        target = self.graph.edges[index].target
        queue = self.queued.setdefault(index, deque())
        queue.append(alive)
        self.count(target, 1)
        missing = self.missing.setdefault(target, len(self.graph.incoming[target]))
        if len(queue) == 1 and index not in self.satisfied:
            self.missing[target] = missing - 1
        while self.missing[target] == 0 and self.consume(target):
            pass

    def consume(self, node_id: str) -> bool:
        """Take one token from each edge into the node; visit it, or pass over it. False when there was none."""
        taken = alive = 0
        for index in self.graph.incoming[node_id]:
            queue = self.queued.get(index)
            if not queue:
                continue
            taken += 1
            alive += queue.popleft()
            if index in self.graph.entered_loop:
                self.satisfied.add(index)
            elif not queue:
                self.missing[node_id] += 1
        if alive:
            self.visit(node_id)
        elif taken:
            self.count(node_id, 1)
            self.leaving.append((node_id, frozenset()))
        self.count(node_id, -taken)
        return taken > 0

    def visit(self, node_id: str) -> None:
        """Make the next visit of a node ready."""
        number = self.visits.get(node_id, 0) + 1
        self.visits[node_id] = number
        self.ready[(node_id, number)] = None
        self.count(node_id, 1)

    def count(self, node_id: str, change: int) -> None:
        """Keep the number of tokens and visits inside each loop around the node."""
        for number in self.graph.loops_of.get(node_id, ()):
            current = self.rounds[number]
            current.alive += change
            current.is_open = True

    def close_quiet_loops(self, node_id: str) -> None:
        """Where nothing lives in a loop around the node, its untaken exits die and it may be entered anew."""
        for number in self.graph.loops_of.get(node_id, ()):
            current = self.rounds[number]
            if current.alive or not current.is_open:
                continue
            taken = current.exits_taken
            self.rounds[number] = LoopRound()
            for index in self.graph.entries[number]:
                self.reopen(index)
            for index in self.graph.exits[number]:
                if index not in taken:
                    self.deliver(index, alive=False)

    def reopen(self, index: int) -> None:
        """An edge into a loop that has ended is waited for again."""
        if index in self.satisfied:
            self.satisfied.discard(index)
            if not self.queued[index]:
                self.missing[self.graph.edges[index].target] += 1
