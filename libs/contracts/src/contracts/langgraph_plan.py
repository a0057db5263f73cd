"""How LangGraph can bring the branches of a graph together: each join a tree of `OneOf` and `AllOf` (pure)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from contracts.choice_guards import ALWAYS, NEVER, Guards
from contracts.graph_shape import Adjacency, Loop, TooTangled, loops, split_of
from contracts.workflow import Edge, WorkflowGraph

MAX_LOOPS_LEFT = 100
"""Loops that one edge may lead out of."""
MAX_BRANCHES = 500
"""Branches with different guards that one node may bring together."""


@dataclass(frozen=True, slots=True)
class Way:
    """Edges from one node; whichever of them are taken, one token comes."""

    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Exactly one of the parts brings a token."""

    parts: "tuple[Meeting, ...]"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part brings a token, and all are waited for."""

    parts: "tuple[Meeting, ...]"


Meeting = Way | OneOf | AllOf
Branch = tuple[int, Meeting]
"""When it is taken, and how its tokens come together."""


class Inexpressible(Exception):
    """LangGraph cannot do what stands here."""

    def __init__(self, sentence: str, node_id: str | None = None, edge: int | None = None) -> None:
        """Of which node, or which edge."""
        super().__init__(sentence)
        self.sentence = sentence
        self.node_id = node_id
        self.edge = edge


def meetings_of(graph: WorkflowGraph) -> dict[str, Meeting]:
    """For each node that the start leads to, how the forward edges into it bring their tokens; not for the start.

    A *choice* is what a split, an error edge or a back edge leaves to the data. Every edge has a guard, the function
    of the choices by which it is taken; edges out of a loop are judged in the round that leaves it. Raises
    `Inexpressible`, and `TooTangled` when the guards grow too large. The graph must have one start. The same graph has
    the same answer, in the same order, in every process.
    """
    plan = _Plan(Adjacency(graph))
    plan.walk()
    plan.check_back_edges()
    return plan.meetings


class _Plan:
    def __init__(self, shape: Adjacency) -> None:
        self.shape = shape
        self.edges: tuple[Edge, ...] = shape.edges
        self.guards = Guards()
        self.meetings: dict[str, Meeting] = {}
        self.taken: dict[int, int] = {}
        """By edge: its guard, in the round of the loops around its source."""
        self.known: dict[int, int] = {}
        """By edge: its guard in the round that leaves the loops it leads out of."""
        self.loops = sorted(loops(shape), key=lambda loop: len(loop.body))
        self.loops_of: dict[str, list[Loop]] = {}
        for loop in self.loops:
            for node_id in loop.body:
                self.loops_of.setdefault(node_id, []).append(loop)
        reached = [node_id for node_id in shape.nodes if node_id in shape.reached]
        self.ways_in: dict[str, list[int]] = {node_id: [] for node_id in reached}
        for index in sorted(index for node_id in reached for index in shape.outgoing[node_id]):
            if index not in shape.closing:
                self.ways_in[self.edges[index].target].append(index)

    def left_by(self, index: int) -> list[Loop]:
        """The loops that an edge leaves, the innermost first."""
        edge = self.edges[index]
        return [loop for loop in self.loops_of.get(edge.source, ()) if edge.target not in loop.body]

    def walk(self) -> None:
        """Judge the nodes in an order in which all that leads to one comes before it, loops before their exits."""
        self.check_entries()
        order = _Order(self)
        for node_id in order.nodes():
            self.judge(node_id, ALWAYS if node_id == self.shape.start else self.arriving(node_id))
        left = [node_id for node_id in self.shape.nodes if node_id in self.shape.reached - order.seen]
        if left:
            raise Inexpressible("loops are entered from within each other here", left[0])

    def check_entries(self) -> None:
        """A loop is entered at its header only."""
        for node_id, ways in self.ways_in.items():
            for loop in self.loops_of.get(node_id, ()):
                if node_id != loop.header and any(self.edges[index].source not in loop.body for index in ways):
                    sentence = f"the cycle that begins again at `{loop.header}` is entered here as well"
                    raise Inexpressible(sentence, node_id)

    def judge(self, node_id: str, reached: int) -> None:
        """The guards of all edges out of a node, given its own."""
        guards, outgoing = self.guards, self.shape.outgoing[node_id]
        catching = [index for index in outgoing if self.edges[index].on_error]
        ended_well = reached
        if catching:
            failed = guards.choice()
            ended_well, caught = guards.both(reached, guards.no(failed)), guards.both(reached, failed)
            for index in catching:
                certain = len(catching) == 1 and self.edges[index].condition is None
                self.taken[index] = caught if certain else guards.both(caught, guards.choice())
        self.choose(node_id, [index for index in outgoing if not self.edges[index].on_error], ended_well)

    def choose(self, node_id: str, ways: list[int], reached: int) -> None:
        """The guards of the edges that a node may take when it has not failed."""
        split = split_of(self.shape.nodes[node_id])
        conditional = [index for index in ways if self.edges[index].condition is not None]
        plain = [index for index in ways if self.edges[index].condition is None]
        if split == "exclusive":
            self.choose_first(conditional, plain, reached)
        elif len(ways) == 1 or not conditional:
            # A node that has edges and takes none has failed, so a single one is certain.
            self.taken |= dict.fromkeys(ways, reached)
        else:
            self.choose_any(conditional, plain, reached, by_default=split == "inclusive")

    def choose_first(self, conditional: list[int], plain: list[int], reached: int) -> None:
        """The first true edge, else the default."""
        rest = reached
        certain = conditional[-1] if conditional and not plain else None
        for index in conditional:
            true = ALWAYS if index == certain else self.guards.choice()
            self.taken[index] = self.guards.both(rest, true)
            rest = self.guards.both(rest, self.guards.no(true))
        self.taken |= dict.fromkeys(plain[1:], NEVER) | dict.fromkeys(plain[:1], rest)

    def choose_any(self, conditional: list[int], plain: list[int], reached: int, *, by_default: bool) -> None:
        """Every true edge; those without a condition always, or only by default."""
        none = reached
        for index in conditional:
            true = self.guards.choice()
            self.taken[index] = self.guards.both(reached, true)
            none = self.guards.both(none, self.guards.no(true))
        self.taken |= dict.fromkeys(plain, none if by_default else reached)

    def guard(self, index: int) -> int:
        """When an edge is taken; of one that leaves loops, among the rounds that begin no other."""
        found = self.known.get(index)
        if found is None:
            left = self.left_by(index)
            if len(left) > MAX_LOOPS_LEFT:
                raise TooTangled("loops are nested too deeply")
            found = self.taken[index]
            for loop in left:
                again = NEVER
                for back in loop.back_edges:
                    again = self.guards.either(again, self.guard(back))
                found = self.guards.given(found, self.guards.no(again))
            self.known[index] = found
        return found

    def arriving(self, node_id: str) -> int:
        """When a node is reached, and how the tokens for it come together."""
        by_source: dict[str, list[int]] = {}
        for index in self.ways_in[node_id]:
            by_source.setdefault(self.edges[index].source, []).append(index)
        branches: list[Branch] = []
        for ways in by_source.values():
            some = NEVER
            for index in ways:
                some = self.guards.either(some, self.guard(index))
            if some != NEVER:
                branches.append((some, Way(tuple(ways))))
        if not branches:
            return NEVER
        guard, self.meetings[node_id] = self.together(node_id, self.alike(branches))
        return guard

    def alike(self, branches: list[Branch]) -> list[Branch]:
        """Branches that are always taken together become one."""
        classes: dict[int, list[Meeting]] = {}
        for guard, way in branches:
            classes.setdefault(guard, []).append(way)
        if len(classes) > MAX_BRANCHES:
            raise TooTangled("branches that meet are too many")
        return [(guard, AllOf(tuple(ways)) if ways[1:] else ways[0]) for guard, ways in classes.items()]

    def together(self, node_id: str, branches: list[Branch]) -> Branch:
        """One branch made of all: apart where they exclude each other, waited for where they come together."""
        if len(branches) == 1:
            return branches[0]
        groups = _grouped(branches, lambda one, other: self.guards.overlap(one[0], other[0]))
        if len(groups) > 1:
            parts = [self.together(node_id, group) for group in groups]
            some = NEVER
            for guard, _ in parts:
                some = self.guards.either(some, guard)
            return some, OneOf(tuple(part for _, part in parts))
        groups = _grouped(branches, lambda one, other: not self.guards.overlap(one[0], other[0]))
        if len(groups) > 1:
            parts = [self.together(node_id, group) for group in groups]
            if len({guard for guard, _ in parts}) == 1:
                return parts[0][0], AllOf(tuple(part for _, part in parts))
        raise Inexpressible("it joins branches of which some may be taken and others not", node_id)

    def check_back_edges(self) -> None:
        """Where a round goes back, nothing else may go on."""
        for loop in self.loops:
            leaving = [
                index
                for node_id in sorted(loop.body)
                for index in self.shape.outgoing[node_id]
                if self.edges[index].target not in loop.body
            ]
            for back in sorted(loop.back_edges):
                for other in (*sorted(loop.back_edges), *leaving):
                    if other != back and self.guards.overlap(self.taken[back], self.taken[other]):
                        beside = f"`{self.edges[other].source}` to `{self.edges[other].target}`"
                        sentence = f"it goes back to `{loop.header}` while the edge from {beside} may be taken too"
                        raise Inexpressible(sentence, edge=back)


class _Order:
    """Nodes become due when all nodes before them, and all loops that lead to them, have been seen."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.seen: set[str] = set()
        self.missing = {node_id: len(ways) for node_id, ways in plan.ways_in.items()}
        self.unseen = {loop.header: len(loop.body) for loop in plan.loops}
        self.after: dict[str, dict[str, None]] = {}
        for ways in plan.ways_in.values():
            for index in ways:
                for loop in plan.left_by(index):
                    self.after.setdefault(loop.header, {})[plan.edges[index].target] = None
        for targets in self.after.values():
            for node_id in targets:
                self.missing[node_id] += 1

    def nodes(self) -> Iterator[str]:
        """Each node when it is due; the caller judges it before it asks for the next one."""
        due = [node_id for node_id, count in self.missing.items() if count == 0]
        for node_id in due:
            yield node_id
            self.seen.add(node_id)
            for target in self.followers(node_id):
                self.missing[target] -= 1
                if self.missing[target] == 0:
                    due.append(target)

    def followers(self, node_id: str) -> Iterator[str]:
        """Whatever has waited for this node, once for each reason."""
        for index in self.plan.shape.outgoing[node_id]:
            if index not in self.plan.shape.closing:
                yield self.plan.edges[index].target
        for loop in self.plan.loops_of.get(node_id, ()):
            self.unseen[loop.header] -= 1
            if self.unseen[loop.header] == 0:
                yield from self.after.get(loop.header, ())


def _grouped(branches: Sequence[Branch], related: Callable[[Branch, Branch], bool]) -> list[list[Branch]]:
    """The branches in groups within which a chain of related ones leads from each to each."""
    left = list(branches)
    found: list[list[Branch]] = []
    while left:
        group = [left.pop(0)]
        for member in group:
            near = [other for other in left if related(member, other)]
            left = [other for other in left if other not in near]
            group += near
        found.append(group)
    return found
