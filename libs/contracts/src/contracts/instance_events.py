"""The facts of one run, in the order in which an instance lives them: its life here, the rest beside."""

from datetime import datetime
from operator import not_
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from contracts import node_events, outside_events
from contracts.execution import RunError, RunFigures, Status
from contracts.message import JsonObject, Message
from contracts.node_events import *  # noqa: F403
from contracts.node_events import InstanceEvent
from contracts.outside_events import *  # noqa: F403
from contracts.workflow import BlueprintConfig


class Parent(Message):
    """Where a child comes from."""

    instance_id: UUID
    node_id: str
    visit: int
    scope: str
    root_id: UUID
    """The instance that began the family."""
    depth: int
    """1 for a child, 2 for a child's child."""
    detached: bool
    """The parent does not wait for it, and does not take it along when it is cancelled."""


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
    parent: Annotated[Parent | None, Field(exclude_if=not_)] = None
    """The visit of another instance that this one was started for."""


class InstanceAdmitted(InstanceEvent):
    """The rate limit let it in at once."""

    limit_key: str


class InstanceThrottled(InstanceEvent):
    """The rate limit lets it in later; the place in the queue is kept until `due_at`."""

    limit_key: str
    due_at: datetime


class InstanceClaimed(InstanceEvent):
    """A worker took it over; every higher epoch fences the ones before."""

    worker_id: UUID
    epoch: int


class InstanceStarted(InstanceEvent):
    """The graph has been entered."""


class InstanceSuspended(InstanceEvent):
    """Nothing to do until an outside fact or `due_at`: the instance has left memory."""

    due_at: datetime | None


class InstancePaused(InstanceEvent):
    """Nothing is in flight any more and nothing begins until it is resumed."""


class InstanceRetryScheduled(InstanceEvent):
    """It failed, and goes on again from where it failed at `due_at`."""

    error: RunError
    attempt: int
    """The number of the try that follows, from 2."""
    due_at: datetime


class CompensationStarted(InstanceEvent):
    """What was done is undone, the last first, before the instance ends."""

    error: RunError | None
    """Why it failed; None when it was cancelled."""


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


class InstanceTerminated(InstanceEnded):
    """Ended at once because somebody asked for it; nothing was compensated."""


ENDINGS: dict[type[InstanceEnded], Status] = {
    InstanceCompleted: "completed",
    InstanceFailed: "failed",
    InstanceCancelled: "cancelled",
    InstanceTerminated: "terminated",
}
"""The events that end an instance, and the status each leaves."""

OUTSIDE: frozenset[type[InstanceEvent]] = frozenset(
    {
        outside_events.SignalReceived,
        outside_events.ApprovalDecided,
        outside_events.ChildEnded,
        outside_events.InstanceCancelRequested,
        outside_events.InstanceTerminateRequested,
        outside_events.InstancePauseRequested,
        outside_events.InstanceResumed,
        outside_events.InstanceRetried,
        outside_events.NodeCancelRequested,
        node_events.SectionEntered,
    }
)
"""What others than the owner may record in an instance's stream; an instance that rests is looked at after it."""

INSTANCE_EVENTS: tuple[type[InstanceEvent], ...] = (
    InstanceRequested,
    InstanceAdmitted,
    InstanceThrottled,
    node_events.CacheMissed,
    node_events.CacheHit,
    node_events.CacheAwaited,
    InstanceClaimed,
    InstanceStarted,
    node_events.NodeStarted,
    node_events.TimerScheduled,
    node_events.NodeThrottled,
    node_events.WaitStarted,
    node_events.WaitEnded,
    node_events.VariableChanged,
    node_events.NodeCompleted,
    node_events.NodeFailed,
    node_events.NodeRetryScheduled,
    node_events.ErrorCaught,
    node_events.NodeCancelled,
    node_events.BranchesWithdrawn,
    node_events.BodyStarted,
    node_events.BodyCompleted,
    node_events.BodyFailed,
    node_events.BodyCancelled,
    node_events.ChildStarted,
    node_events.CompensationBegun,
    node_events.SectionRequested,
    node_events.SectionEntered,
    node_events.SectionLeft,
    InstanceSuspended,
    InstancePaused,
    InstanceRetryScheduled,
    CompensationStarted,
    outside_events.SignalReceived,
    outside_events.ApprovalDecided,
    outside_events.ChildEnded,
    outside_events.InstanceCancelRequested,
    outside_events.InstanceTerminateRequested,
    outside_events.InstancePauseRequested,
    outside_events.InstanceResumed,
    outside_events.InstanceRetried,
    outside_events.NodeCancelRequested,
    InstanceCompleted,
    InstanceFailed,
    InstanceCancelled,
    InstanceTerminated,
    outside_events.InstanceErased,
    outside_events.SignalPosted,
    outside_events.SignalAwaited,
    outside_events.SignalTaken,
    outside_events.IdempotencyKeyTaken,
)
"""Everything the execution service says."""
