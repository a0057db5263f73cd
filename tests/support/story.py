"""One instance lived turn by turn, without any I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution import door
from execution.domain.decisions.advancing import advance, conclude
from execution.domain.decisions.finishing import ChildRequested, settle
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.nodes.action import NodeFailure, NodeResult
from tests.support.builders import a_reference, an_execution

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WORKER = new_id()


class Story:
    """What happened so far, the time, and ways to let more happen; each answers the facts it caused."""

    def __init__(self, graph: WorkflowGraph, input: Any = None, **config: Any) -> None:
        self.graph = CompiledGraph(graph)
        self.written = graph
        command = an_execution(a_reference(), input)
        self.instance = Instance(command.instance_id, self.graph)
        self.now = NOON
        self.facts: list[facts.InstanceEvent] = []
        turn = Turn(self.instance, self.now)
        turn.take(door.requested(command, BlueprintConfig(**config), NOON, WORKER))
        self.commit(turn)

    def commit(self, turn: Turn) -> list[str]:
        """Let the turn go on to its end; a failure that is there already is not tried again."""
        before = -1
        while len(turn.events) != before:
            before = len(turn.events)
            advance(turn)
        conclude(turn)
        self.facts += turn.events
        return told(turn.events)

    def later(self, seconds: float = 0) -> list[str]:
        """Take a turn some seconds later."""
        self.now += timedelta(seconds=seconds)
        return self.commit(Turn(self.instance, self.now))

    def done(
        self, node_id: str, output: Any = None, *, seconds: float = 1, visit: int = 1, scope: str = ""
    ) -> list[str]:
        """A node in flight has a result."""
        self.now += timedelta(seconds=seconds)
        return self.settled(Visit(node_id, visit, scope), NodeResult(output))

    def broken(self, node_id: str, type: Any = "permanent", *, visit: int = 1, scope: str = "") -> list[str]:
        """A node in flight fails, and is not tried again."""
        return self.settled(Visit(node_id, visit, scope), NodeFailure(type, "broken", "It broke."))

    def settled(self, visit: Visit, outcome: NodeResult | NodeFailure | ChildRequested) -> list[str]:
        """The effect of a visit in flight has this outcome."""
        turn = Turn(self.instance, self.now)
        settle(turn, visit, self.instance.running[visit].number, outcome)
        return self.commit(turn)

    def failing(self, node_id: str, type: Any = "permanent") -> list[str]:
        """A node in flight fails, and nobody answers the failure."""
        return self.broken(node_id, type)

    def hears(self, event_type: type[facts.InstanceEvent], **fields: Any) -> list[str]:
        """Something comes from outside; answers what followed, itself included."""
        turn = Turn(self.instance, self.now)
        if self.instance.status in ("waiting", "paused") and not self.instance.ended:
            turn.record(event_type, **fields)
            turn.record(facts.InstanceClaimed, worker_id=WORKER, epoch=self.instance.epoch + 1)
        else:
            turn.record(event_type, **fields)
        return self.commit(turn)

    def signal(self, name: str, payload: Any = None, key: str | None = None) -> list[str]:
        """A signal comes for the instance."""
        return self.hears(facts.SignalReceived, signal_id=new_id(), name=name, payload=payload, by="alice", key=key)

    def decide(self, node_id: str, *, approved: bool, label: str = "", visit: int = 1) -> list[str]:
        """Somebody approves or rejects."""
        return self.hears(facts.ApprovalDecided, node_id=node_id, visit=visit, label=label, approved=approved, by="bob")

    def replayed(self) -> Instance:
        """The instance as its facts tell it."""
        return Instance.replay(self.instance.id, self.facts, CompiledGraph(self.written))


def told(events: list[facts.InstanceEvent]) -> list[str]:
    """The facts by name, a node's with its node."""
    return [f"{type(e).__name__} {e.node_id}" if isinstance(e, facts.NodeEvent) else type(e).__name__ for e in events]


def output_of(story: Story) -> Any:
    """What a completed run answered."""
    assert story.instance.status == "completed", story.instance.error
    return story.instance.output


def error_of(story: Story) -> RunError:
    """Why a run failed."""
    assert story.instance.status == "failed", story.instance.status
    assert story.instance.error is not None
    return story.instance.error
