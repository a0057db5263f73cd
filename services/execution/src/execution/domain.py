"""Instance: one run, folded from its facts; what it is and what it waits for, never how it is done (pure)."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from contracts import instance_events as facts
from contracts.execution import ENDED, RunError, RunFigures, Status
from execution.figures import Figures
from execution.graph import CompiledGraph, Flow, Visit
from execution.visits import Attempt, Timer


class OutOfOrder(Exception):
    """A fact does not follow the one before it in its stream."""


class Instance:
    """One run. `apply` folds a fact into it; everything else only reads.

    With a graph it also follows the tokens; without one it is enough for views.
    """

    def __init__(self, instance_id: UUID, graph: CompiledGraph | None = None) -> None:
        """An instance of which nothing is known yet."""
        self.id = instance_id
        self.graph = graph
        self.flow = Flow(graph) if graph is not None else None
        self.version = 0
        self.requested: facts.InstanceRequested | None = None
        self.status: Status = "pending"
        self.worker_id: UUID | None = None
        self.epoch = 0
        self.idle_claims = 0
        self.cache_key: str | None = None
        self.node_cache_keys: dict[Visit, str] = {}
        self.resumes_at: datetime | None = None
        self.admitted_at: datetime | None = None
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.outputs: dict[str, Any] = {}
        self.variables: dict[str, Any] = {}
        self.running: dict[Visit, Attempt] = {}
        self.timers: dict[Visit, Timer] = {}
        self.failed: dict[Visit, facts.NodeFailed] = {}
        self.results: list[str] = []
        self.answers: list[str] = []
        self.cancel_requested_by: str | None = None
        self.output: Any = None
        self.error: RunError | None = None
        self.figures = Figures()

    @classmethod
    def replay(
        cls, instance_id: UUID, history: Iterable[facts.InstanceEvent], graph: CompiledGraph | None = None
    ) -> "Instance":
        """The instance as its facts tell it."""
        instance = cls(instance_id, graph)
        for event in history:
            instance.apply(event)
        return instance

    @property
    def request(self) -> facts.InstanceRequested:
        """The fact that began it; an instance without one is unknown."""
        if self.requested is None:
            raise OutOfOrder(f"instance {self.id} has no InstanceRequested")
        return self.requested

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in ENDED

    @property
    def deadline(self) -> datetime | None:
        """When the run must have ended, if it must."""
        seconds = self.request.config.timeout_seconds
        if seconds is None or self.started_at is None:
            return None
        return self.started_at + timedelta(seconds=seconds)

    @property
    def wakes_at(self) -> datetime | None:
        """The earliest time at which there is something to decide."""
        moments = [timer.due_at for timer in self.timers.values()]
        moments += [moment for moment in (self.admitted_at, self.deadline) if moment is not None]
        return min(moments, default=None)

    @property
    def final_output(self) -> Any:
        """What the graph answers: the last `end` with an output, else the outputs of the nodes that ended it."""
        if self.answers:
            return self.outputs[self.answers[-1]]
        return {node_id: self.outputs[node_id] for node_id in self.results}

    def apply(self, event: facts.InstanceEvent) -> None:
        """Fold one fact. Raises `OutOfOrder` when it is not the next one."""
        if event.originator_version != self.version + 1:
            raise OutOfOrder(f"instance {self.id}: version {event.originator_version} after {self.version}")
        self.version = event.originator_version
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def recorded_figures(self, now: datetime) -> RunFigures:
        """What the run took so far, for the fact that ends it."""
        return self.figures.recorded(self.request.timestamp, self.started_at, self.ended_at or now)


def requested(instance: Instance, event: facts.InstanceRequested) -> None:
    """Accepted; begun at once when a worker is named."""
    instance.requested = event
    if event.worker_id is not None:
        instance.worker_id, instance.epoch = event.worker_id, 1


def throttled(instance: Instance, event: facts.InstanceThrottled) -> None:
    """It may start at `due_at`."""
    instance.admitted_at = event.due_at


def cache_missed(instance: Instance, event: facts.CacheMissed) -> None:
    """What the run, or this visit, answers will be remembered under this key."""
    if event.node_id is None or event.visit is None:
        instance.cache_key = event.cache_key
    else:
        instance.node_cache_keys[(event.node_id, event.visit)] = event.cache_key


def cache_hit(instance: Instance, event: facts.CacheHit) -> None:
    """Answered from memory."""
    instance.figures.cache_hits += 1


def claimed(instance: Instance, event: facts.InstanceClaimed) -> None:
    """Another worker owns it from here on."""
    instance.worker_id, instance.epoch = event.worker_id, event.epoch
    instance.idle_claims += 1
    if instance.status == "waiting":
        instance.status = "running" if instance.started_at else "pending"


def started(instance: Instance, event: facts.InstanceStarted) -> None:
    """The first token is on the start node."""
    instance.status = "running"
    instance.started_at = event.timestamp
    instance.admitted_at = None
    if instance.flow is not None:
        instance.flow.begin()


def node_started(instance: Instance, event: facts.NodeStarted) -> None:
    """In flight (again, when it is a retry)."""
    visit = (event.node_id, event.visit)
    leave_ready(instance, visit)
    instance.timers.pop(visit, None)
    instance.running[visit] = Attempt(event.attempt, event.timestamp)


def timer_scheduled(instance: Instance, event: facts.TimerScheduled) -> None:
    """From running to waiting for a time."""
    visit = (event.node_id, event.visit)
    attempt = instance.running.pop(visit)
    instance.timers[visit] = Timer(event.due_at, event.attempt, retry=False, since=attempt.since)


def variable_changed(instance: Instance, event: facts.VariableChanged) -> None:
    """Later expressions see the new value."""
    if event.deleted:
        instance.variables.pop(event.name, None)
    else:
        instance.variables[event.name] = event.value


def node_completed(instance: Instance, event: facts.NodeCompleted) -> None:
    """Done for good; its tokens move on."""
    visit = (event.node_id, event.visit)
    leave_ready(instance, visit)
    instance.running.pop(visit, None)
    instance.timers.pop(visit, None)
    instance.idle_claims = 0
    instance.outputs[event.node_id] = event.output
    instance.figures.add_node(event)
    if instance.graph is not None and instance.flow is not None:
        note_ending(instance, instance.graph, event)
        instance.flow.finish(event.node_id, event.taken)


def note_ending(instance: Instance, graph: CompiledGraph, event: facts.NodeCompleted) -> None:
    """Remember what makes the output: an `end` with an output, else the nodes after which nothing came."""
    if event.node_type == "end":
        if "output" in graph.nodes[event.node_id].config:
            instance.answers.append(event.node_id)
    elif not event.taken or any(graph.is_bare_end(graph.edges[index].target) for index in event.taken):
        instance.results.append(event.node_id)


def node_failed(instance: Instance, event: facts.NodeFailed) -> None:
    """Not in flight any more; what follows is for the retry middleware to say."""
    visit = (event.node_id, event.visit)
    leave_ready(instance, visit)
    instance.running.pop(visit, None)
    instance.timers.pop(visit, None)
    instance.idle_claims = 0
    instance.failed[visit] = event
    instance.figures.errors += 1
    instance.figures.add_time(event.node_id, event.duration_ms)


def retry_scheduled(instance: Instance, event: facts.NodeRetryScheduled) -> None:
    """The failure is answered: another attempt at `due_at`."""
    visit = (event.node_id, event.visit)
    instance.failed.pop(visit, None)
    instance.figures.retries += 1
    instance.timers[visit] = Timer(event.due_at, event.attempt, retry=True, since=event.timestamp)


def node_cancelled(instance: Instance, event: facts.NodeCancelled) -> None:
    """Nobody waits for it any more."""
    visit = (event.node_id, event.visit)
    instance.running.pop(visit, None)
    instance.timers.pop(visit, None)


def suspended(instance: Instance, event: facts.InstanceSuspended) -> None:
    """It left memory until something happens."""
    instance.status = "waiting"
    instance.worker_id = None
    instance.resumes_at = event.due_at


def cancel_requested(instance: Instance, event: facts.InstanceCancelRequested) -> None:
    """The owner ends it at its next decision."""
    instance.cancel_requested_by = event.by


def completed(instance: Instance, event: facts.InstanceCompleted) -> None:
    """Ended with an output."""
    instance.status, instance.output = "completed", event.output
    instance.ended_at = event.timestamp


def failed(instance: Instance, event: facts.InstanceFailed) -> None:
    """Ended with an error."""
    instance.status, instance.error = "failed", event.error
    instance.ended_at = event.timestamp


def cancelled(instance: Instance, event: facts.InstanceCancelled) -> None:
    """Ended because somebody asked for it."""
    instance.status = "cancelled"
    by = instance.cancel_requested_by or "a caller"
    instance.error = RunError(type="cancelled", code="cancelled", message=f"Cancelled by {by}.")
    instance.ended_at = event.timestamp


def leave_ready(instance: Instance, visit: Visit) -> None:
    """A ready visit has been taken up."""
    if instance.flow is not None:
        instance.flow.ready.pop(visit, None)


FOLDS: dict[type[facts.InstanceEvent], Callable[[Instance, Any], None]] = {
    facts.InstanceRequested: requested,
    facts.InstanceThrottled: throttled,
    facts.CacheMissed: cache_missed,
    facts.CacheHit: cache_hit,
    facts.InstanceClaimed: claimed,
    facts.InstanceStarted: started,
    facts.NodeStarted: node_started,
    facts.TimerScheduled: timer_scheduled,
    facts.VariableChanged: variable_changed,
    facts.NodeCompleted: node_completed,
    facts.NodeFailed: node_failed,
    facts.NodeRetryScheduled: retry_scheduled,
    facts.NodeCancelled: node_cancelled,
    facts.InstanceSuspended: suspended,
    facts.InstanceCancelRequested: cancel_requested,
    facts.InstanceCompleted: completed,
    facts.InstanceFailed: failed,
    facts.InstanceCancelled: cancelled,
}
"""How each fact changes the instance; facts that are only told (an admission) change nothing."""
