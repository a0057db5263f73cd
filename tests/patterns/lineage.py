"""Which task brought about which: parents and depths of the visits of a converted definition, from its facts alone."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contracts import instance_events as facts
from execution.domain.graph import CompiledGraph
from execution.domain.visits import Visit


@dataclass(eq=False)
class Task:
    """One visit of a task of the definition."""

    name: str
    parent: "Task | None"
    visit: Visit
    line: int | None = None
    """Where the path has it."""

    @property
    def depth(self) -> int:
        """0 for the start."""
        return 0 if self.parent is None else self.parent.depth + 1


@dataclass
class Lineage:
    """Follows the tokens of one run by the edges that its facts say were taken.

    The workings of a task (`task.what`) lead from task to task unseen. What a task brings later on another's behalf
    (`task.one`) is still that task's child, a join that is forced (`join.force`) goes on from what came to it last,
    and a task that is visited again (`task.again`) keeps its parent.
    """

    graph: CompiledGraph
    origin: Task | None = None
    """What the run is the child of."""
    tasks: dict[Visit, Task] = field(default_factory=dict)
    carried: dict[Visit, Task | None] = field(default_factory=dict)
    """The task that a working stands for."""
    queued: dict[tuple[str, int], deque[Visit]] = field(default_factory=dict)
    latest: dict[tuple[str, str], Task] = field(default_factory=dict)
    """By scope and node: the visit of a task that ended last, or what came last to a working."""
    order: list[Visit] = field(default_factory=list)

    def hear(self, events: Sequence[facts.InstanceEvent]) -> None:
        """Follow what happened."""
        for event in events:
            if isinstance(event, facts.NodeStarted | facts.NodeCompleted):
                visit = Visit(event.node_id, event.visit, event.scope)
                if visit not in self.carried:
                    self._begin(visit)
                if isinstance(event, facts.NodeCompleted):
                    self._end(visit, event.taken)

    def graph_at(self, scope: str) -> CompiledGraph:
        """The graph that a scope runs."""
        graph = self.graph
        for segment in scope.split("/") if scope else ():
            graph = graph.bodies[segment.rsplit(":", 3)[0]]
        return graph

    def _begin(self, visit: Visit) -> None:
        node = self.graph_at(visit.scope).nodes[visit.node_id]
        parent = self._cause(visit)
        owner, _, working = visit.node_id.partition(".")
        if node.name is not None:
            task = Task(node.name, parent, visit)
            self.tasks[visit] = self.carried[visit] = task
            return
        if working == "one" and (parent is None or parent.visit.node_id != owner):
            parent = self.latest.get((visit.scope, owner), parent)
        elif working == "force":
            parent = self.latest.get((visit.scope, f"{owner}.arrive"), parent)
        elif working == "again" and (visit.scope, owner) in self.latest:
            parent = self.latest[visit.scope, owner].parent
        self.carried[visit] = parent
        if parent is not None:
            self.latest[visit.scope, visit.node_id] = parent

    def _cause(self, visit: Visit) -> Task | None:
        """The task whose token it was that the visit waited for last."""
        sources = list(self._taken_from(visit))
        if sources:
            return self.carried[max(sources, key=self.order.index)]
        if not visit.scope:
            return self.origin
        around, _, opener = visit.scope.rpartition("/")
        node_id, number, _, _ = opener.rsplit(":", 3)
        return self.carried[Visit(node_id, int(number), around)]

    def _taken_from(self, visit: Visit) -> Iterator[Visit]:
        graph = self.graph_at(visit.scope)
        waiting = [
            self.queued[visit.scope, index]
            for index, edge in enumerate(graph.edges)
            if edge.target == visit.node_id and self.queued.get((visit.scope, index))
        ]
        join = graph.joins.get(visit.node_id)
        if join is not None and join.kind == "each" and waiting:
            waiting = [min(waiting, key=lambda tokens: self.order.index(tokens[0]))]
        for tokens in waiting:
            yield tokens.popleft()

    def _end(self, visit: Visit, taken: Sequence[int]) -> None:
        self.order.append(visit)
        if visit in self.tasks:
            self.latest[visit.scope, visit.node_id] = self.tasks[visit]
        for index in taken:
            self.queued.setdefault((visit.scope, index), deque()).append(visit)
        if visit.scope and visit in self.carried:
            self._tell_around(visit)

    def _tell_around(self, visit: Visit) -> None:
        """What holds a body goes on from what ended in it last."""
        around, _, opener = visit.scope.rpartition("/")
        node_id, number, _, _ = opener.rsplit(":", 3)
        holder, ended = Visit(node_id, int(number), around), self.carried[visit]
        if ended is not None:
            self.carried[holder] = ended
