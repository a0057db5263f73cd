"""The facts of one visit of a node: begun, waiting, done, failed, given up."""

from datetime import datetime
from decimal import Decimal
from operator import not_
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from contracts.execution import RunError
from contracts.message import Event, JsonObject, Message

Scope = Annotated[str, Field(exclude_if=not_)]
"""The path of loop passes and map items that a visit belongs to; empty, and left out on the wire, outside of them."""


class InstanceEvent(Event):
    """A fact about one instance (`originator_id`)."""

    SERVICE = "execution"


class CacheMissed(InstanceEvent):
    """Nothing is remembered under this key; what the run (or this visit of a node) answers will be."""

    cache_key: str
    node_id: str | None = None
    visit: int | None = None
    scope: Scope = ""


class CacheHit(InstanceEvent):
    """Answered from what an earlier run (or node) answered to the same input."""

    cache_key: str
    answered_by: UUID
    """The instance whose answer this is."""
    node_id: str | None = None
    visit: int | None = None
    scope: Scope = ""
    saved_ms: float = 0.0
    """What giving the answer took then."""
    saved_tokens: int = 0
    saved_cost: Decimal = Decimal(0)


class CacheAwaited(InstanceEvent):
    """Somebody else is working out the same answer; memory is asked again at `due_at`."""

    cache_key: str
    due_at: datetime
    node_id: str | None = None
    visit: int | None = None
    scope: Scope = ""


class NodeEvent(InstanceEvent):
    """A fact about one visit of a node; `attempt` counts its recorded failures, from 1."""

    node_id: str
    visit: int
    attempt: int
    scope: Scope = ""


class NodeStarted(NodeEvent):
    """An effect, a wait or a body began."""

    node_type: str
    items: Annotated[list[Any] | None, Field(exclude_if=lambda items: items is None)] = None
    """What a loop or map goes through, as it was when it began."""


class TimerScheduled(NodeEvent):
    """The visit waits for a time."""

    due_at: datetime


class NodeThrottled(NodeEvent):
    """A rate limit lets the visit begin at `due_at`; its place is kept."""

    limit_key: str
    due_at: datetime


class WaitFor(Message):
    """One thing that ends a wait, whichever of several comes first."""

    label: str
    kind: Literal["signal", "approval", "time"]
    name: str | None = None
    """Of the signal."""
    key: str | None = None
    """Correlates a signal that is not sent to one instance."""
    due_at: datetime | None = None
    """When a time has come, or an approval's deadline."""
    terms: JsonObject | None = None
    """Of an approval: `title`, `approvers`, `form`, `on_deadline`, `on_reject`."""


class WaitStarted(NodeEvent):
    """The visit waits for something outside; the first that comes ends it."""

    waits_for: tuple[WaitFor, ...]


class WaitEnded(NodeEvent):
    """What was waited for came: this one of several."""

    label: str
    signal_id: UUID | None = None


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
    fell_back: Annotated[bool, Field(exclude_if=not_)] = False
    """The output is the node's fallback value: it had failed for good."""


class NodeFailed(NodeEvent):
    """An attempt failed; whether another follows is a fact of its own."""

    node_type: str
    error: RunError
    duration_ms: float = 0.0
    retry_after_seconds: float | None = None


class NodeRetryScheduled(NodeEvent):
    """Another attempt (this number) follows at `due_at`."""

    due_at: datetime


class ErrorCaught(NodeEvent):
    """The node has failed for good, and the run goes on by its error edges (`taken`)."""

    error: RunError
    taken: tuple[int, ...]


class NodeCancelled(NodeEvent):
    """The visit's result is not waited for any more."""

    reason: Literal["ended", "withdrawn", "requested"] = "ended"
    """The instance ended; another branch won; or somebody asked for it."""
    taken: tuple[int, ...] = ()
    """Error edges that the run goes on by; all others die."""


class BranchesWithdrawn(NodeEvent):
    """At this visit whatever goes on at `nodes` of the same graph is given up: no token there lives any more."""

    nodes: tuple[str, ...]


class BodyStarted(NodeEvent):
    """A pass of a loop, an item of a map or a region has begun."""

    index: int


class BodyCompleted(NodeEvent):
    """A pass is done."""

    index: int
    output: Any
    broke: bool = False
    """No pass follows."""


class BodyFailed(NodeEvent):
    """A pass has failed."""

    index: int
    error: RunError


class BodyCancelled(NodeEvent):
    """A pass was given up."""

    index: int


class ChildStarted(NodeEvent):
    """Another instance was requested on behalf of this visit."""

    child_id: UUID
    blueprint_id: UUID
    blueprint_version: int
    detached: bool
    """Nobody waits for it, and it outlives this instance."""


class CompensationBegun(NodeEvent):
    """This node undoes what a visit of another did."""

    compensated: str
    compensated_visit: int
    compensated_scope: Scope = ""


class SectionEvent(InstanceEvent):
    """A fact about a critical section, of a visit of a node or (`node_id` None) of the whole instance."""

    section_key: str
    node_id: str | None = None
    visit: int | None = None
    scope: Scope = ""


class SectionRequested(SectionEvent):
    """It queues for the section."""

    limit: int


class SectionEntered(SectionEvent):
    """It holds one of the section's places."""


class SectionLeft(SectionEvent):
    """The place is free for the next."""
