"""One instance lived turn by turn, without any I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution import door
from execution.decisions import Turn
from execution.domain import Instance
from execution.graph import CompiledGraph
from execution.nodes.action import NodeFailure, NodeResult
from tests.support.builders import a_reference, an_execution

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WORKER = new_id()


class Story:
    """What happened so far, the time, and ways to let more happen; each answers the facts it caused."""

    def __init__(self, graph: WorkflowGraph, input: Any = None, **config: Any) -> None:
        self.graph = CompiledGraph(graph)
        command = an_execution(a_reference(), input)
        self.instance = Instance(command.instance_id, self.graph)
        self.now = NOON
        self.facts: list[facts.InstanceEvent] = []
        turn = Turn(self.instance, self.now)
        turn.take(door.requested(command, BlueprintConfig(**config), NOON, WORKER))
        self.commit(turn)

    def commit(self, turn: Turn) -> list[str]:
        """Let the turn go on to its end."""
        turn.advance()
        self.facts += turn.events
        return told(turn.events)

    def later(self, seconds: float = 0) -> list[str]:
        """Take a turn some seconds later."""
        self.now += timedelta(seconds=seconds)
        return self.commit(Turn(self.instance, self.now))

    def done(self, node_id: str, output: Any = None, *, seconds: float = 1, visit: int = 1) -> list[str]:
        """A node in flight has a result."""
        self.now += timedelta(seconds=seconds)
        turn = Turn(self.instance, self.now)
        turn.settle((node_id, visit), self.instance.running[node_id, visit].number, NodeResult(output))
        return self.commit(turn)

    def failing(self, node_id: str, type: Any = "permanent") -> list[str]:
        """A node in flight fails, and nobody answers the failure."""
        turn = Turn(self.instance, self.now)
        turn.settle((node_id, 1), 1, NodeFailure(type, "broken", "It broke."))
        self.facts += turn.events
        return [*told(turn.events), *self.later()]

    def replayed(self) -> Instance:
        """The instance as its facts tell it."""
        return Instance.replay(self.instance.id, self.facts, CompiledGraph(a_graph_of(self.graph)))


def a_graph_of(graph: CompiledGraph) -> WorkflowGraph:
    """The graph that was compiled."""
    return WorkflowGraph(nodes=tuple(graph.nodes.values()), edges=graph.edges)


def told(events: list[facts.InstanceEvent]) -> list[str]:
    """The facts by name, a node's with its node."""
    return [f"{type(e).__name__} {e.node_id}" if isinstance(e, facts.NodeEvent) else type(e).__name__ for e in events]


def output_of(story: Story) -> Any:
    """What a completed run answered."""
    assert story.instance.status == "completed", story.instance.error
    return story.instance.output
