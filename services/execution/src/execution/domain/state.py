"""What is known of an instance: where its tokens are, what is in flight, what it waits for (pure data)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from contracts import instance_events as facts
from contracts.execution import ENDED, RunError, RunFigures, Status
from contracts.workflow import Node
from execution.domain.figures import Figures
from execution.domain.frames import Frame, root_frame
from execution.domain.graph import CompiledGraph
from execution.domain.visits import Attempt, Child, Compensation, Opened, Owed, Timer, Visit, Wait

Place = Visit | None
"""Who holds or queues for a critical section: a visit, or (None) the whole instance."""


class OutOfOrder(Exception):
    """A fact does not follow the one before it in its stream."""


@dataclass(eq=False)
class State:
    """One run as its facts tell it. With a graph it also follows the tokens; without one it is enough for views."""

    id: UUID
    graph: CompiledGraph | None = None
    version: int = 0
    requested: facts.InstanceRequested | None = None
    status: Status = "pending"
    worker_id: UUID | None = None
    epoch: int = 0
    idle_claims: int = 0
    stirred: bool = False
    """Whether an outside fact that matters came after it went to rest."""
    resumes_at: datetime | None = None
    admitted_at: datetime | None = None
    started_at: datetime | None = None
    timed_from: datetime | None = None
    """From when its time is counted: its start, or its last retry."""
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    ready: OrderedDict[Visit, None] = field(default_factory=OrderedDict)
    next_attempt: dict[Visit, int] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    running: dict[Visit, Attempt] = field(default_factory=dict)
    timers: dict[Visit, Timer] = field(default_factory=dict)
    throttled: set[Visit] = field(default_factory=set)
    """Visits whose place under a rate limit is taken already."""
    waits: dict[Visit, Wait] = field(default_factory=dict)
    opened: dict[Visit, Opened] = field(default_factory=dict)
    unsettled: dict[Visit, None] = field(default_factory=dict)
    """Opened visits in which something has changed."""
    children: dict[UUID, Child] = field(default_factory=dict)
    """Instances that visits wait for."""
    offspring: dict[UUID, Visit] = field(default_factory=dict)
    """Instances that go along when their visit is given up: started, not detached, not known to have ended."""
    failed: dict[Visit, facts.NodeFailed] = field(default_factory=dict)
    """Failures that nobody has answered yet."""
    broken: dict[Visit, Opened] = field(default_factory=dict)
    """Bodies that failed with their visit, kept for a retry of the instance."""
    queueing: dict[Place, facts.SectionRequested] = field(default_factory=dict)
    held: dict[Place, str] = field(default_factory=dict)
    signals: list[facts.SignalReceived] = field(default_factory=list)
    received: set[UUID] = field(default_factory=set)
    """Every signal that has come, used up or not."""
    approvals: dict[tuple[Visit, str], facts.ApprovalDecided] = field(default_factory=dict)
    children_ended: dict[UUID, facts.ChildEnded] = field(default_factory=dict)
    cancel_visits: dict[Visit, None] = field(default_factory=dict)
    """Visits that somebody asked to give up."""
    cancel_requested_by: str | None = None
    terminate_requested_by: str | None = None
    pause_requested_by: str | None = None
    owed: list[Owed] = field(default_factory=list)
    compensation: Compensation | None = None
    reopened: bool = False
    """Whether it went on after its end: whoever waited for it has had its answer."""
    erased: bool = False
    """Whether its content is forgotten."""
    tries: int = 1
    retry_at: datetime | None = None
    cache_key: str | None = None
    node_cache_keys: dict[Visit, str] = field(default_factory=dict)
    output: Any = None
    error: RunError | None = None
    figures: Figures = field(default_factory=Figures)
    root: Frame | None = field(init=False, default=None)
    frames: dict[str, Frame] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.graph is not None:
            self.root = root_frame(self.graph, self.ready)
            self.frames[""] = self.root

    @property
    def request(self) -> facts.InstanceRequested:
        """The fact that began it; an instance without one is unknown."""
        if self.requested is None:
            raise OutOfOrder(f"instance {self.id} has no InstanceRequested")
        return self.requested

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more, unless it is retried."""
        return self.status in ENDED

    @property
    def outputs(self) -> dict[str, Any]:
        """What the nodes of the blueprint's own graph answered."""
        return self.root.outputs if self.root is not None else {}

    @property
    def in_flight(self) -> int:
        """Effects, delays and retries under way: what an executor counts; waiting for somebody costs nothing."""
        return len(self.running) + len(self.timers)

    @property
    def deadline(self) -> datetime | None:
        """When the run must have ended, if it must."""
        seconds = self.request.config.timeout_seconds
        if seconds is None or self.timed_from is None:
            return None
        return self.timed_from + timedelta(seconds=seconds)

    @property
    def wakes_at(self) -> datetime | None:
        """The earliest time at which there is something to decide."""
        if self.pause_requested_by is not None:
            return None
        if self.retry_at is not None:
            return self.retry_at
        moments = [timer.due_at for timer in self.timers.values()]
        moments += [wait.due_at for wait in self.waits.values() if wait.due_at is not None]
        moments += [opened.expires_at for opened in self.opened.values() if opened.expires_at is not None]
        moments += [child.expires_at for child in self.children.values() if child.expires_at is not None]
        if self.compensation is None and self.deadline is not None:
            moments.append(self.deadline)
        if self.admitted_at is not None and None not in self.queueing:
            moments.append(self.admitted_at)
        return min(moments, default=None)

    def node(self, visit: Visit) -> Node:
        """The node of a visit; the instance must have its graph."""
        return self.frame(visit.scope).graph.nodes[visit.node_id]

    def frame(self, scope: str) -> Frame:
        """The frame with this path; raises `KeyError` when it has ended, or the graph is not known."""
        return self.frames[scope]

    def live(self) -> Iterator[tuple[Visit, int]]:
        """Every visit that has begun and is not over, with its attempt."""
        yield from ((visit, attempt.number) for visit, attempt in self.running.items())
        yield from ((visit, timer.attempt) for visit, timer in self.timers.items())
        yield from ((visit, wait.attempt) for visit, wait in self.waits.items())
        yield from ((child.visit, child.attempt) for child in self.children.values())
        yield from ((visit, opened.attempt) for visit, opened in self.opened.items())
        yield from ((visit, self.next_attempt.get(visit, 1)) for visit in self.queueing if visit is not None)

    def recorded_figures(self, now: datetime) -> RunFigures:
        """What the run took so far, for the fact that ends it."""
        return self.figures.recorded(self.request.timestamp, self.started_at, self.ended_at or now)
