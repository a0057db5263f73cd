"""Where the tokens of one graph are, and so which of its nodes are ready: joins, dead paths and loops (pure)."""

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from execution.domain.graph import CompiledGraph
from execution.domain.visits import Visit


@dataclass(slots=True)
class LoopRound:
    """What one loop is doing: how much of it lives, and which of its exits were taken meanwhile."""

    is_open: bool = False
    alive: int = 0
    exits_taken: set[int] = field(default_factory=set)


@dataclass(slots=True)
class JoinRound:
    """What an `any`, `n_of_m` or `each` join has seen since it was last complete."""

    arrived: set[int] = field(default_factory=set)
    alive: int = 0
    fired: bool = False


class Flow:
    """Where the tokens of one graph are.

    An edge holds its undelivered tokens in order, each alive or dead (the branch was not taken). A node is
    visited when every forward edge into it has a token, at least one of them alive; when all are dead it is
    passed over and its own edges die. A taken back edge starts a visit at once. An edge that leaves a loop dies
    only when nothing in the loop lives any more; one that enters it is waited for once per round of the loop.
    Other joins are visited earlier: `any` by the first live token, `n_of_m` by the n-th, `each` by every one; their
    round ends when every edge has brought a token. The cost of a step is the degree of its node, however large the
    graph.
    """

    __slots__ = (
        "active",
        "graph",
        "join_rounds",
        "leaving",
        "missing",
        "queued",
        "ready",
        "rounds",
        "satisfied",
        "scope",
        "unreached",
        "visits",
    )

    def __init__(self, graph: CompiledGraph, ready: OrderedDict[Visit, None] | None = None, scope: str = "") -> None:
        """No token anywhere; `begin` makes the start node ready. `ready` may be shared with other flows."""
        self.graph = graph
        self.scope = scope
        self.ready: OrderedDict[Visit, None] = OrderedDict() if ready is None else ready
        self.active = 0
        """Visits that were made ready and are not finished."""
        self.visits: dict[str, int] = {}
        self.queued: dict[int, deque[bool]] = {}
        self.missing: dict[str, int] = {}
        self.satisfied: set[int] = set()
        self.rounds = [LoopRound() for _ in graph.loops]
        self.join_rounds: dict[str, JoinRound] = {}
        self.unreached: set[Visit] = set()
        """Visits of `n_of_m` joins that too few branches have come to: they fail."""
        self.leaving: deque[tuple[str, frozenset[int]]] = deque()

    def begin(self) -> None:
        """Make the start node ready."""
        self.visit(self.graph.start)

    def finish(self, node_id: str, taken: Iterable[int]) -> None:
        """A visit of `node_id` is done and goes on by the edges `taken` (indices); the others die."""
        self.active -= 1
        self.leaving.append((node_id, frozenset(taken)))
        self.settle()

    def settle(self) -> None:
        """Send on everything that has left its node, also what only waits for each other."""
        self.send_on()
        while self.active == 0 and self.release():
            self.send_on()

    def send_on(self) -> None:
        """Send on everything that has left its node."""
        while self.leaving:
            source, alive_edges = self.leaving.popleft()
            for index in self.graph.leaving[source]:
                self.send(index, alive=index in alive_edges)
            self.count(source, -1)
            self.close_quiet_loops(source)

    def withdraw(self, node_ids: Collection[str]) -> None:
        """Nothing lives at these nodes any more: ready visits are over, tokens on the way to them are dead."""
        for node_id in node_ids:
            for index in self.graph.incoming[node_id]:
                if index in self.queued:
                    self.queued[index] = deque(False for _ in self.queued[index])
            if node_id in self.join_rounds:
                self.join_rounds[node_id].alive = 0
        for visit in [visit for visit in self.ready if visit.scope == self.scope and visit.node_id in node_ids]:
            del self.ready[visit]
            self.finish(visit.node_id, ())

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
        self.count(target, 1)
        if target in self.graph.joins:
            self.arrive(target, index, alive=alive)
            return
        queue = self.queued.setdefault(index, deque())
        queue.append(alive)
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
            self.pass_over(node_id)
        self.count(node_id, -taken)
        return taken > 0

    def arrive(self, node_id: str, index: int, *, alive: bool) -> None:
        """A token reaches a join that need not wait for all; a second one on the same edge is kept for its round."""
        join, current = self.graph.joins[node_id], self.join_rounds.setdefault(node_id, JoinRound())
        if join.kind != "each" and index in current.arrived:
            self.queued.setdefault(index, deque()).append(alive)
            return
        current.arrived.add(index)
        current.alive += alive
        if alive and (join.kind == "each" or (not current.fired and current.alive == (join.n or 1))):
            current.fired = True
            self.visit(node_id)
        self.count(node_id, -1)
        if len(current.arrived) == len(self.graph.incoming[node_id]):
            self.end_round(node_id, current)

    def end_round(self, node_id: str, current: JoinRound) -> None:
        """Every edge has brought its token: fail, or pass over, what was not reached, and let the next round begin."""
        if not current.fired and current.alive:
            self.unreached.add(self.visit(node_id))
        elif not current.fired:
            self.pass_over(node_id)
        incoming = self.graph.incoming[node_id]
        entries = {index for index in incoming if index in self.graph.entered_loop}
        arrived = set[int]() if len(entries) == len(incoming) else entries
        self.join_rounds[node_id] = JoinRound(arrived)
        for index in incoming:
            if self.queued.get(index) and index not in arrived:
                self.arrive(node_id, index, alive=self.queued[index].popleft())

    def pass_over(self, node_id: str) -> None:
        """No branch into the node lives: its own edges die."""
        self.count(node_id, 1)
        self.leaving.append((node_id, frozenset()))

    def visit(self, node_id: str) -> Visit:
        """Make the next visit of a node ready."""
        number = self.visits.get(node_id, 0) + 1
        self.visits[node_id] = number
        visit = Visit(node_id, number, self.scope)
        self.ready[visit] = None
        self.active += 1
        self.count(node_id, 1)
        return visit

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

    def release(self) -> bool:
        """Where nothing else goes on, let the untaken exits of the innermost loop die that still holds tokens.

        Only in loops with several entries may tokens wait for each other. False when there are none.
        """
        for number, current in enumerate(self.rounds):
            dying = [index for index in self.graph.exits[number] if index not in current.exits_taken]
            if current.alive and dying:
                current.exits_taken.update(dying)
                for index in dying:
                    self.deliver(index, alive=False)
                return True
        return False

    def reopen(self, index: int) -> None:
        """An edge into a loop that has ended is waited for again."""
        target = self.graph.edges[index].target
        if target in self.join_rounds:
            self.join_rounds[target].arrived.discard(index)
        if index in self.satisfied:
            self.satisfied.discard(index)
            if not self.queued[index]:
                self.missing[target] += 1
