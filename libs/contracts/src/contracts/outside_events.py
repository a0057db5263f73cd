"""What reaches a run from outside: signals, approvals, children's ends, and orders to pause, go on or stop."""

from operator import not_
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from contracts.execution import RunError, Status
from contracts.message import JsonObject
from contracts.node_events import InstanceEvent, Scope


class SignalReceived(InstanceEvent):
    """A signal for this instance; it is kept until a wait for its name takes it."""

    signal_id: UUID
    name: str
    payload: Any
    by: str
    key: str | None = None
    early: Annotated[bool, Field(exclude_if=not_)] = False
    """Nobody waits for it yet, so it wakes nobody."""


class ApprovalDecided(InstanceEvent):
    """Somebody approved or rejected what a visit waits for."""

    node_id: str
    visit: int
    scope: Scope = ""
    label: str = ""
    approved: bool
    by: str
    comment: str | None = None
    form: JsonObject | None = None


class ChildEnded(InstanceEvent):
    """An instance that this one started has ended."""

    child_id: UUID
    outcome: Status
    output: Any = None
    error: RunError | None = None


class InstanceCancelRequested(InstanceEvent):
    """Somebody wants it to end before its time, with its compensations."""

    by: str


class InstanceTerminateRequested(InstanceEvent):
    """Somebody wants it to end at once, without compensation."""

    by: str


class InstancePauseRequested(InstanceEvent):
    """Somebody wants nothing further to begin."""

    by: str


class InstanceResumed(InstanceEvent):
    """A paused instance goes on."""

    by: str


class InstanceRetried(InstanceEvent):
    """A failed instance goes on from where it failed; everything that was done stays done."""

    by: str


class InstanceErased(InstanceEvent):
    """What it held of its user's is forgotten: inputs, outputs and texts are gone from the facts before this one.

    Whoever keeps content of the instance deletes it.
    """

    by: str


class NodeCancelRequested(InstanceEvent):
    """Somebody wants whatever goes on at one node to be given up; the other branches go on."""

    node_id: str
    by: str


class SignalPosted(InstanceEvent):
    """A signal for whoever waits, or will wait, for its key; recorded in the key's own stream."""

    signal_id: UUID
    name: str
    key: str
    payload: Any
    by: str


class SignalAwaited(InstanceEvent):
    """An instance waits for a key; recorded in the key's own stream."""

    instance_id: UUID
    node_id: str
    visit: int
    scope: Scope = ""
    label: str = ""


class SignalTaken(InstanceEvent):
    """A posted signal went to this instance; recorded in the key's own stream."""

    signal_id: UUID
    instance_id: UUID


class IdempotencyKeyTaken(InstanceEvent):
    """A key names this instance (or signal) from now on; recorded with the request, in the key's own stream."""

    instance_id: UUID
    fingerprint: str
