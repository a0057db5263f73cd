"""One run on the pure core, whose outside world is the test: it ends activities, sends signals, lets time pass."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.blueprint import BlueprintReference
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution import door
from execution.domain.decisions.advancing import advance, conclude
from execution.domain.decisions.finishing import ChildRequested, settle
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.routing import rendered_config
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.nodes.action import NodeResult
from tests.support.builders import a_reference, an_execution

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=100)
"""How long an activity takes."""


class PureRun:
    """An instance that lives turn by turn; critical sections are granted first come, first served."""

    def __init__(
        self,
        graph: WorkflowGraph,
        input: Any = None,
        config: BlueprintConfig | None = None,
        of: BlueprintReference | None = None,
        now: datetime = NOON,
    ) -> None:
        """Accepted, and as far as it gets by itself."""
        self.graph = graph
        self.reference = of or a_reference()
        self.now = now
        command = an_execution(self.reference, input)
        self.instance = Instance(command.instance_id, CompiledGraph(graph))
        self.facts: list[facts.InstanceEvent] = []
        self.children: list[tuple[Visit, PureRun]] = []
        request = door.requested(command, config or BlueprintConfig(), now, new_id())
        self.turn(lambda turn: turn.take(request))

    def turn(self, act: Callable[[Turn], Any] = lambda turn: None) -> list[facts.InstanceEvent]:
        """Let something happen, then everything that follows from it; answers the new facts."""
        begun = len(self.facts)
        self._turn(act)
        while place := self._place_to_grant():
            self._turn(place)
        return self.facts[begun:]

    def _turn(self, act: Callable[[Turn], Any]) -> None:
        turn = Turn(self.instance, self.now)
        act(turn)
        advance(turn)
        while turn.is_full:
            self.facts += turn.events
            turn = Turn(self.instance, self.now)
            advance(turn)
        conclude(turn)
        self.facts += turn.events

    def _place_to_grant(self) -> Callable[[Turn], Any] | None:
        """What lets the first in that queues for a section with a free place."""
        held = list(self.instance.held.values())
        for place, wanted in self.instance.queueing.items():
            if held.count(wanted.section_key) < wanted.limit:
                of = {} if place is None else {"node_id": place.node_id, "visit": place.number, "scope": place.scope}
                key = wanted.section_key
                return lambda turn: turn.record(facts.SectionEntered, section_key=key, **of)
        return None

    def end(self, visit: Visit) -> list[facts.InstanceEvent]:
        """An activity in flight ends: a tool answers its arguments, a blueprint is run as a child."""
        self.now += INSTANT
        attempt = self.instance.running[visit].number
        node = self.instance.node(visit)
        config = rendered_config(self.instance, visit, node)
        if node.type == "blueprint":
            return self._end_child(visit, config.get("input"))
        return self.turn(lambda turn: settle(turn, visit, attempt, NodeResult(config.get("arguments", {}))))

    def _end_child(self, visit: Visit, input: Any) -> list[facts.InstanceEvent]:
        child = PureRun(self.graph, input, of=self.reference, now=self.now)
        begun = self.child_begun(visit, child)
        child.live()
        return [*begun, *self.child_ended(child)]

    def child_begun(self, visit: Visit, child: "PureRun") -> list[facts.InstanceEvent]:
        """A visit waits for another run."""
        self.children.append((visit, child))
        reference, attempt = child.reference, self.instance.running[visit].number
        asked = ChildRequested(child.instance.id, reference.id, reference.version, detached=False)
        return self.turn(lambda turn: settle(turn, visit, attempt, asked))

    def child_ended(self, child: "PureRun") -> list[facts.InstanceEvent]:
        """The other run has ended."""
        self.now = max(self.now, child.now)
        ended = {"child_id": child.instance.id, "outcome": child.instance.status, "output": child.instance.output}
        return self.turn(lambda turn: turn.record(facts.ChildEnded, **ended, error=child.instance.error))

    def signal(self, name: str, payload: Any = None) -> None:
        """Somebody sends a signal."""
        self.turn(
            lambda turn: turn.record(facts.SignalReceived, signal_id=new_id(), name=name, payload=payload, by="alice")
        )

    def cancel(self) -> None:
        """Somebody wants the run to end."""
        self.turn(lambda turn: turn.record(facts.InstanceCancelRequested, by="alice"))

    def wait(self) -> bool:
        """Let time pass until something is due; False when nothing ever will be."""
        if self.instance.ended or (due_at := self.instance.wakes_at) is None:
            return False
        self.now = max(self.now, due_at)
        self.turn()
        return True

    def live(self, outside: Callable[["PureRun"], bool] = lambda run: False) -> None:
        """Go on to the end: what began first ends first; then `outside` acts (False: it does not), or time passes."""
        while not self.instance.ended:
            if self.instance.running:
                self.end(next(iter(self.instance.running)))
            elif not outside(self) and not self.wait():
                raise AssertionError(f"The run rests for ever at {[str(visit) for visit, _ in self.instance.live()]}.")
