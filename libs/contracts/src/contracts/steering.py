"""Steering a run: signals, approvals, and orders to pause, resume, terminate, retry or give up a node."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.blueprint import BlueprintReference
from contracts.execution import MAX_IDEMPOTENCY_KEY_LENGTH, ExecutionCommand, ExecutionQuery, Status
from contracts.message import JsonObject, Moment, StrictMessage, View

MAX_COMMENT_LENGTH = 4_000
MAX_SIGNAL_NAME_LENGTH = 128
MAX_SIGNAL_KEY_LENGTH = 512
MAX_SIGNALS_KEPT = 1_000
"""Signals that came before anybody waits for them: of one instance, or of one key."""

IdempotencyKey = Annotated[str, Field(min_length=1, max_length=MAX_IDEMPOTENCY_KEY_LENGTH)]
SignalName = Annotated[str, Field(min_length=1, max_length=MAX_SIGNAL_NAME_LENGTH)]
SignalKey = Annotated[str, Field(min_length=1, max_length=MAX_SIGNAL_KEY_LENGTH)]


class SteeringView(View):
    """Where the instance is after the order; `changed` is false when it was there already."""

    instance_id: UUID
    status: Status
    changed: bool = True


class SignalView(View):
    """A signal that was accepted; `instance_id` is who took it, None while nobody waits for its key."""

    signal_id: UUID
    instance_id: UUID | None


class SignalBody(StrictMessage):
    """A signal for one instance."""

    name: SignalName
    payload: Any = None


class KeyedSignalBody(SignalBody):
    """A signal for whoever waits, or will wait, for the key."""

    key: SignalKey


class DecisionBody(StrictMessage):
    """What comes with an approval or a rejection; `node_id` is needed only when several are waited for."""

    node_id: str | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT_LENGTH)] | None = None
    form: JsonObject | None = None


class OpenWait(View):
    """One thing that a visit of a node waits for.

    `kind` is `signal`, `approval`, `time`, `instance` (its `name` is the id of the one that was started) or `section`
    (its `name` is the section's key).
    """

    node_id: str
    visit: int
    scope: str
    label: str
    kind: str
    name: str | None
    key: str | None
    due_at: Moment | None
    title: str | None
    description: str | None
    form: JsonObject | None


class WaitsView(View):
    """What an instance waits for right now."""

    instance_id: UUID
    status: Status
    items: tuple[OpenWait, ...]


class RelativeView(View):
    """An instance of the same family."""

    instance_id: UUID
    blueprint_id: UUID
    blueprint_version: int
    status: Status
    node_id: str | None
    """The node of the parent that it was started for."""


class LineageView(View):
    """Where an instance comes from, and which instances it started (at most the newest thousand)."""

    instance_id: UUID
    root_id: UUID
    parent: RelativeView | None
    children: tuple[RelativeView, ...]


class SteeringCommand(ExecutionCommand):
    """An order to one instance; only its owner and its team may give it."""

    ANSWER: ClassVar[Any] = SteeringView
    instance_id: UUID


class PauseInstance(SteeringCommand):
    """Begin nothing further; what is in flight ends. 409 when it has ended."""


class ResumeInstance(SteeringCommand):
    """Let a paused instance go on. 409 when it has ended."""


class TerminateInstance(SteeringCommand):
    """End it at once, without compensation. 409 when it has ended otherwise."""


class RetryInstance(SteeringCommand):
    """Let a failed instance go on from where it failed. 409 when it has not failed, or has been compensated."""


class CancelNode(SteeringCommand):
    """Give up whatever goes on at one node; the other branches go on. 409 when nothing does."""

    node_id: str


class SignalInstance(SteeringCommand):
    """Send a signal to one instance, which may not wait for it yet. 409 when it has ended."""

    ANSWER: ClassVar = SignalView
    signal_id: UUID
    body: SignalBody
    idempotency_key: IdempotencyKey | None = None


class DecideApproval(SteeringCommand):
    """Approve or reject what the instance waits for; refused for whom the node does not name."""

    approved: bool
    body: DecisionBody


class PostSignal(ExecutionCommand):
    """Send a signal to whoever waits for its key in a blueprint's instances: one takes it, now or later."""

    ANSWER: ClassVar = SignalView
    blueprint: BlueprintReference
    signal_id: UUID
    body: KeyedSignalBody
    idempotency_key: IdempotencyKey | None = None


class GetWaits(ExecutionQuery):
    """What an instance waits for."""

    ANSWER: ClassVar = WaitsView
    instance_id: UUID


class GetLineage(ExecutionQuery):
    """Parent and children of an instance."""

    ANSWER: ClassVar = LineageView
    instance_id: UUID
