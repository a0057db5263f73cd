"""What happens next: the facts that follow from an instance's history and the time (pure, no I/O)."""

from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from chassis.expressions import ExpressionError
from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.node_types import PURE_TYPES
from contracts.workflow import MAX_DELAY_SECONDS, MAX_VISITS_PER_NODE, Node
from execution.domain import Instance
from execution.executors.registry import executor_for
from execution.figures import milliseconds
from execution.graph import Visit
from execution.nodes.action import NodeFailure, NodeResult, within_limits
from execution.routing import NoBranchTaken, rendered_config, taken_edges
from execution.variables import changed_variable

MAX_EVENTS_PER_TURN = 500
"""A turn that grows longer is committed and goes on in the next one."""
DEFAULT_MAX_PARALLEL = 64
DEFAULT_MAX_VISITS = 100
MAX_IDLE_CLAIMS = 5
"""So often may an instance be taken over without progress before its node counts as lost."""

E = TypeVar("E", bound=facts.InstanceEvent)


class Turn:
    """One round of decisions: records facts and folds each into the instance as it goes."""

    def __init__(self, instance: Instance, now: datetime) -> None:
        """A turn at `now`, the one time of all its facts."""
        self.instance = instance
        self.now = now
        self.events: list[facts.InstanceEvent] = []
        self.heard = 0
        """How many of the events the middleware has answered."""

    def record(self, event_type: type[E], **fields: Any) -> E:
        """A new fact, folded at once."""
        event = event_type(
            originator_id=self.instance.id,
            originator_version=self.instance.version + 1,
            timestamp=self.now,
            **fields,
        )
        self.take(event)
        return event

    def take(self, event: facts.InstanceEvent) -> None:
        """A fact made elsewhere, folded at once."""
        self.instance.apply(event)
        self.events.append(event)

    def claim(self, worker_id: UUID) -> None:
        """Take the instance over; a visit whose workers keep dying counts as failed."""
        self.record(facts.InstanceClaimed, worker_id=worker_id, epoch=self.instance.epoch + 1)
        if self.instance.idle_claims > MAX_IDLE_CLAIMS:
            error = NodeFailure("transient", "worker_lost", "The workers that ran this node died again and again.")
            for visit, attempt in list(self.instance.running.items()):
                self.settle(visit, attempt.number, error)

    def settle(self, visit: Visit, attempt: int, outcome: NodeResult | NodeFailure) -> None:
        """A result is in hand: record it, unless the visit is no longer in flight with this attempt."""
        running = self.instance.running.get(visit)
        if running is None or running.number != attempt:
            return
        duration = milliseconds(running.since, self.now)
        if isinstance(outcome, NodeFailure):
            self.fail_node(visit, attempt, outcome, duration)
        else:
            self.complete_node(visit, attempt, outcome, duration)

    def advance(self) -> None:
        """Everything that follows now: end, start, fire timers, begin ready nodes, rest."""
        if self.instance.ended or self.stopped():
            return
        if self.instance.started_at is None and not self.enter():
            return
        self.fire_timers()
        self.begin_ready()
        self.rest_or_complete()

    def stopped(self) -> bool:
        """End it when it was cancelled, has failed, or has run out of time."""
        instance = self.instance
        if instance.cancel_requested_by is not None:
            self.cancel_in_flight()
            self.record(facts.InstanceCancelled, **self.ending())
        elif instance.failed:
            self.fail(next(iter(instance.failed.values())).error)
        elif instance.deadline is not None and self.now >= instance.deadline:
            seconds = instance.request.config.timeout_seconds
            self.fail(RunError(type="timeout", code="execution_timeout", message=f"Not done after {seconds:g} s."))
        else:
            return False
        return True

    def enter(self) -> bool:
        """Put the first token on the graph; False while the rate limit holds it back."""
        instance = self.instance
        if instance.admitted_at is not None and self.now < instance.admitted_at:
            self.suspend()
            return False
        self.record(facts.InstanceStarted)
        return True

    def fire_timers(self) -> None:
        """Visits whose time has come go on, or are tried again."""
        for visit, timer in list(self.instance.timers.items()):
            if timer.due_at > self.now:
                continue
            if timer.retry:
                self.begin(visit, timer.attempt)
            else:
                waited = milliseconds(timer.since, self.now)
                self.complete_node(visit, timer.attempt, NodeResult(None), waited)

    def begin_ready(self) -> None:
        """Begin what the executor chooses, until it waits for something in flight."""
        instance, flow = self.instance, self.instance.flow
        if flow is None:
            return
        config = instance.request.config
        executor, limit = executor_for(config.executor), config.max_parallel or DEFAULT_MAX_PARALLEL
        while not instance.ended and not instance.failed and len(self.events) < MAX_EVENTS_PER_TURN:
            in_flight = len(instance.running) + len(instance.timers)
            chosen = executor.choose(flow.ready, in_flight, limit)
            if not chosen:
                return
            for visit in chosen:
                self.begin(visit, 1)

    def begin(self, visit: Visit, attempt: int) -> None:
        """Begin one visit: a pure node is done at once, an effect or a wait is started."""
        if self.instance.ended or self.instance.graph is None:
            return
        node = self.instance.graph.nodes[visit[0]]
        limit = self.instance.request.config.max_visits or DEFAULT_MAX_VISITS
        if visit[1] > limit:
            message = f"Node {node.id!r} was visited more than {min(limit, MAX_VISITS_PER_NODE)} times (max_visits)."
            self.fail(RunError(type="permanent", code="too_many_visits", message=message, node_id=node.id))
        elif node.type in PURE_TYPES:
            self.run_pure(node, visit, attempt)
        elif node.type == "delay":
            self.begin_delay(node, visit, attempt)
        else:
            self.start_node(node, visit, attempt)

    def start_node(self, node: Node, visit: Visit, attempt: int) -> None:
        """Record that the visit is in flight."""
        self.record(facts.NodeStarted, node_id=node.id, visit=visit[1], attempt=attempt, node_type=node.type)

    def run_pure(self, node: Node, visit: Visit, attempt: int) -> None:
        """A node without effects: its output is a function of the state."""
        try:
            result = within_limits(NodeResult(self.pure_output(node)))
        except (ExpressionError, NodeFailure) as error:
            self.fail_node(visit, attempt, as_failure(error), 0.0)
        else:
            self.complete_node(visit, attempt, result, 0.0)

    def pure_output(self, node: Node) -> Any:
        """The output of a start, end, condition, transform or variable node."""
        if node.type == "start":
            return self.instance.request.input
        config = rendered_config(self.instance, node)
        if node.type == "variable":
            change = changed_variable(self.instance.variables, config)
            self.record(facts.VariableChanged, name=change.name, value=change.value, deleted=change.deleted)
            return change.value
        return config.get("output")

    def begin_delay(self, node: Node, visit: Visit, attempt: int) -> None:
        """A wait is a recorded time, not a sleeping task."""
        try:
            due_at = self.now + timedelta(seconds=delay_seconds(rendered_config(self.instance, node)["seconds"]))
        except (ExpressionError, NodeFailure) as error:
            self.fail_node(visit, attempt, as_failure(error), 0.0)
            return
        self.start_node(node, visit, attempt)
        self.record(facts.TimerScheduled, node_id=node.id, visit=visit[1], attempt=attempt, due_at=due_at)

    def complete_node(self, visit: Visit, attempt: int, result: NodeResult, duration_ms: float) -> None:
        """Record the result and the edges it goes on by; a node that cannot go on has failed."""
        graph = self.instance.graph
        if graph is None:
            return
        node = graph.nodes[visit[0]]
        try:
            taken = taken_edges(self.instance, node, result.output)
        except (ExpressionError, NoBranchTaken) as error:
            self.fail_node(visit, attempt, as_failure(error), duration_ms)
            return
        self.record(
            facts.NodeCompleted,
            node_id=node.id,
            visit=visit[1],
            attempt=attempt,
            node_type=node.type,
            output=result.output,
            taken=taken,
            duration_ms=duration_ms,
            prompt_tokens=result.prompt_tokens,
            completion_tokens=result.completion_tokens,
            cost=result.cost,
            tool_calls=result.tool_calls,
        )

    def fail_node(self, visit: Visit, attempt: int, failure: NodeFailure, duration_ms: float) -> None:
        """Record a failed attempt; the retry middleware hears it."""
        graph = self.instance.graph
        error = RunError(type=failure.type, code=failure.code, message=failure.message, node_id=visit[0])
        self.record(
            facts.NodeFailed,
            node_id=visit[0],
            visit=visit[1],
            attempt=attempt,
            node_type=graph.nodes[visit[0]].type if graph else "",
            error=error,
            duration_ms=duration_ms,
            retry_after_seconds=failure.retry_after_seconds,
        )

    def rest_or_complete(self) -> None:
        """When nothing is in flight: complete, or wait for the next timer."""
        instance, flow = self.instance, self.instance.flow
        if instance.ended or instance.failed or instance.running or (flow is not None and flow.ready):
            return
        if instance.timers:
            self.suspend()
        else:
            self.complete(instance.final_output)

    def suspend(self) -> None:
        """Rest until the next time there is something to decide."""
        if self.instance.status != "waiting":
            self.record(facts.InstanceSuspended, due_at=self.instance.wakes_at)

    def hand_over(self) -> None:
        """Rest right now, so that another worker goes on at once (this one is stopping)."""
        self.record(facts.InstanceSuspended, due_at=self.now)

    def complete(self, output: Any) -> None:
        """End with an output."""
        self.record(facts.InstanceCompleted, output=output, **self.ending())

    def fail(self, error: RunError) -> None:
        """End with an error; what is in flight is not waited for."""
        self.cancel_in_flight()
        self.record(facts.InstanceFailed, error=error, **self.ending())

    def cancel_in_flight(self) -> None:
        """Record that the results of running and waiting visits are not wanted any more."""
        instance = self.instance
        for visit, attempt in [
            *((visit, running.number) for visit, running in instance.running.items()),
            *((visit, timer.attempt) for visit, timer in instance.timers.items()),
        ]:
            self.record(facts.NodeCancelled, node_id=visit[0], visit=visit[1], attempt=attempt)

    def ending(self) -> dict[str, Any]:
        """What every ending carries."""
        request = self.instance.request
        return {
            "blueprint_id": request.blueprint_id,
            "blueprint_version": request.blueprint_version,
            "user_id": request.user_id,
            "team_id": request.team_id,
            "requested_at": request.timestamp,
            "figures": self.instance.recorded_figures(self.now),
        }


def as_failure(error: Exception) -> NodeFailure:
    """A failure of the node for what went wrong in the pure part."""
    if isinstance(error, NodeFailure):
        return error
    code = "no_branch_taken" if isinstance(error, NoBranchTaken) else "expression_failed"
    return NodeFailure("permanent", code, str(error))


def delay_seconds(value: Any) -> float:
    """The seconds a delay waits; raises `NodeFailure` for what is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DELAY_SECONDS:
        raise NodeFailure(
            "permanent", "bad_delay", f"`seconds` must be a number from 0 to {MAX_DELAY_SECONDS:g}, but is {value!r}."
        )
    return float(value)
