"""One graph at work inside an instance: the blueprint's own, or one pass of a body."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from contracts.instance_events import NodeCompleted
from execution.domain.flow import Flow
from execution.domain.graph import CompiledGraph
from execution.domain.visits import Visit, pass_scope

NOTHING: Any = object()
"""No item: the frame is not inside a loop or map."""


@dataclass(slots=True)
class Frame:
    """Its tokens, what its nodes answered, and the item it is for."""

    scope: str
    graph: CompiledGraph
    flow: Flow
    around: "Frame | None" = None
    opener: Visit | None = None
    """The visit of the loop, map or region that it is a pass of."""
    index: int = 0
    item: Any = NOTHING
    outputs: dict[str, Any] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    """The error that was caught last."""
    stopped: bool = False
    """Nothing that still goes on is waited for."""
    broke: bool = False
    """The loop around ends with this pass."""
    broken_off: dict[Visit, int] = field(default_factory=dict)
    """Visits that were in flight when it ended, with the attempt to go on with."""
    compensations: dict[str, int] = field(default_factory=dict)
    """How often each compensating node was begun."""

    @property
    def is_pass(self) -> bool:
        """Whether it is one of several: of a loop or map, not a region."""
        if self.opener is None or self.around is None:
            return False
        return self.around.graph.nodes[self.opener.node_id].type != "region"

    @property
    def answer(self) -> Any:
        """What the graph answers: the last `end` with an output, else the outputs of the nodes that ended it."""
        if self.answers:
            return self.outputs[self.answers[-1]]
        return {node_id: self.outputs[node_id] for node_id in self.results}

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to do in it."""
        return self.stopped or self.flow.active == 0

    def completed(self, event: NodeCompleted) -> None:
        """One of its nodes is done: remember what it answered and move its tokens."""
        self.outputs[event.node_id] = event.output
        node = self.graph.nodes[event.node_id]
        if event.node_type == "end":
            if "output" in node.config:
                self.answers.append(event.node_id)
            self.stopped |= node.config.get("terminate") is True
        elif event.node_type == "break":
            self.answers.append(event.node_id)
            self.stopped = self.broke = True
        elif not event.taken or any(self.graph.is_bare_end(self.graph.edges[index].target) for index in event.taken):
            self.results.append(event.node_id)
        self.flow.finish(event.node_id, event.taken)
        if self.stopped:
            self.forget_ready()

    def forget_ready(self) -> None:
        """What has become ready in it never begins."""
        for visit in [visit for visit in self.flow.ready if visit.scope == self.scope]:
            del self.flow.ready[visit]


def root_frame(graph: CompiledGraph, ready: "OrderedDict[Visit, None]") -> Frame:
    """The frame of the blueprint's own graph."""
    return Frame("", graph, Flow(graph, ready))


def pass_frame(around: Frame, opener: Visit, attempt: int, index: int, item: Any) -> Frame:
    """The frame of one pass of a body."""
    graph = around.graph.bodies[opener.node_id]
    scope = pass_scope(opener, attempt, index)
    return Frame(scope, graph, Flow(graph, around.flow.ready, scope), around, opener, index, item)
