"""The facts of one run, in the order in which an instance lives them."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from contracts.execution import RunError, RunFigures, Status
from contracts.message import Event, JsonObject
from contracts.workflow import BlueprintConfig


class InstanceEvent(Event):
    """A fact about one instance (`originator_id`)."""

    SERVICE = "execution"


class InstanceRequested(InstanceEvent):
    """Accepted: this input will be run on this version of the blueprint, with this configuration."""

    blueprint_id: UUID
    blueprint_version: int
    user_id: str
    team_id: str | None
    input: Any
    config: BlueprintConfig
    """The blueprint's configuration with the caller's overrides in it."""
    conversation_id: str | None
    metadata: JsonObject
    worker_id: UUID | None
    """The worker that accepted it and began at once (epoch 1); None leaves it to the work stream."""


class InstanceAdmitted(InstanceEvent):
    """The rate limit let it in at once."""

    limit_key: str


class InstanceThrottled(InstanceEvent):
    """The rate limit lets it in later; the place in the queue is kept until `due_at`."""

    limit_key: str
    due_at: datetime


class CacheMissed(InstanceEvent):
    """Nothing is remembered under this key; what the run (or this visit of a node) answers will be."""

    cache_key: str
    node_id: str | None = None
    visit: int | None = None


class CacheHit(InstanceEvent):
    """Answered from what an earlier run (or node) answered to the same input."""

    cache_key: str
    answered_by: UUID
    """The instance whose answer this is."""
    node_id: str | None = None
    visit: int | None = None


class InstanceClaimed(InstanceEvent):
    """A worker took it over; every higher epoch fences the ones before."""

    worker_id: UUID
    epoch: int


class InstanceStarted(InstanceEvent):
    """The graph has been entered."""


class NodeEvent(InstanceEvent):
    """A fact about one visit of a node; `attempt` counts its recorded failures, from 1."""

    node_id: str
    visit: int
    attempt: int


class NodeStarted(NodeEvent):
    """An effect, or a wait, began."""

    node_type: str


class TimerScheduled(NodeEvent):
    """The visit waits for a time."""

    due_at: datetime


class VariableChanged(InstanceEvent):
    """A variable has a new value, or none (`deleted`)."""

    name: str
    value: Any = None
    deleted: bool = False


class NodeCompleted(NodeEvent):
    """The visit is done, for good: it never runs again. `taken` lists the edges (by index) it goes on by."""

    node_type: str
    output: Any
    taken: tuple[int, ...]
    duration_ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    tool_calls: int = 0


class NodeFailed(NodeEvent):
    """An attempt failed; whether another follows is a fact of its own."""

    node_type: str
    error: RunError
    duration_ms: float = 0.0
    retry_after_seconds: float | None = None


class NodeRetryScheduled(NodeEvent):
    """Another attempt (this number) follows at `due_at`."""

    due_at: datetime


class NodeCancelled(NodeEvent):
    """The visit was in flight when the instance ended; its result is not waited for."""


class InstanceSuspended(InstanceEvent):
    """Nothing to do until an outside fact or `due_at`: the instance has left memory."""

    due_at: datetime | None


class InstanceCancelRequested(InstanceEvent):
    """Somebody wants it to end before its time."""

    by: str


class InstanceEnded(InstanceEvent):
    """What every end carries, so that a consumer needs no other event."""

    blueprint_id: UUID
    blueprint_version: int
    user_id: str
    team_id: str | None
    requested_at: datetime
    figures: RunFigures


class InstanceCompleted(InstanceEnded):
    """Ended with an output."""

    output: Any


class InstanceFailed(InstanceEnded):
    """Ended with an error."""

    error: RunError


class InstanceCancelled(InstanceEnded):
    """Ended because somebody asked for it."""


class IdempotencyKeyTaken(InstanceEvent):
    """A key names this instance from now on; recorded with the request, in the key's own stream."""

    instance_id: UUID
    fingerprint: str


ENDINGS: dict[type[InstanceEnded], Status] = {
    InstanceCompleted: "completed",
    InstanceFailed: "failed",
    InstanceCancelled: "cancelled",
}
"""The events that end an instance, and the status each leaves."""

INSTANCE_EVENTS: tuple[type[InstanceEvent], ...] = (
    InstanceRequested,
    InstanceAdmitted,
    InstanceThrottled,
    CacheMissed,
    CacheHit,
    InstanceClaimed,
    InstanceStarted,
    NodeStarted,
    TimerScheduled,
    VariableChanged,
    NodeCompleted,
    NodeFailed,
    NodeRetryScheduled,
    NodeCancelled,
    InstanceSuspended,
    InstanceCancelRequested,
    InstanceCompleted,
    InstanceFailed,
    InstanceCancelled,
    IdempotencyKeyTaken,
)
"""Everything the execution service says."""
