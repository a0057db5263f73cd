"""What a visit of a node is, and what it may be doing: run, or wait for a time, for somebody, for a body or a child."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from chassis.ids import text_of
from contracts.execution import RunError
from contracts.node_events import WaitFor

if TYPE_CHECKING:
    from execution.domain.frames import Frame


class Visit(NamedTuple):
    """Which node, its how-manieth visit in its frame (from 1), and the frame."""

    node_id: str
    number: int
    scope: str = ""


def idempotency_key(instance_id: UUID, visit: Visit, attempt: int) -> str:
    """`instance/scope/node/visit/attempt`; the scope is empty outside of bodies."""
    return f"{text_of(instance_id)}/{visit.scope}/{visit.node_id}/{visit.number}/{attempt}"


def pass_scope(opener: Visit, attempt: int, index: int) -> str:
    """The path of the frame of one pass of a loop, map or region."""
    segment = f"{opener.node_id}:{opener.number}:{attempt}:{index}"
    return f"{opener.scope}/{segment}" if opener.scope else segment


class Try(NamedTuple):
    """One attempt at a visit that is over, and the milliseconds it took."""

    visit: Visit
    attempt: int
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A visit in flight: which attempt, since when."""

    number: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """A visit that waits for a time: to go on (`retry` False) or to begin, perhaps again (True)."""

    due_at: datetime
    attempt: int
    retry: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """A visit that waits for the first of several things outside."""

    waits_for: tuple[WaitFor, ...]
    attempt: int
    since: datetime
    expires_at: datetime | None

    @property
    def due_at(self) -> datetime | None:
        """The next time at which it ends by itself."""
        moments = [wait.due_at for wait in self.waits_for if wait.due_at is not None]
        return min((*moments, *([self.expires_at] if self.expires_at else ())), default=None)


@dataclass(frozen=True, slots=True)
class Child:
    """A visit that waits for another instance."""

    visit: Visit
    attempt: int
    since: datetime
    expires_at: datetime | None


@dataclass(slots=True)
class Opened:
    """A loop, map or region at work: which passes have begun, and how those that ended did."""

    attempt: int
    since: datetime
    expires_at: datetime | None
    items: list[Any] | None
    begun: int = 0
    live: set[int] = field(default_factory=set)
    quiet: set[int] = field(default_factory=set)
    """Passes in which nothing is left to do."""
    results: dict[int, Any] = field(default_factory=dict)
    failures: dict[int, RunError] = field(default_factory=dict)
    broke: bool = False
    last: "Frame | None" = None
    """The pass that was completed last: a loop's condition may look into it."""
    broken: "dict[int, Frame]" = field(default_factory=dict)
    """Passes that failed or were broken off, kept for a retry of the instance."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A completed visit that has a node to undo it."""

    visit: Visit
    by: str
    output: Any
    frame: "Frame"


@dataclass(slots=True)
class Compensation:
    """The undoing that goes on before the instance ends."""

    error: RunError | None
    """None when the instance was cancelled."""
    visit: Visit | None = None
    """The compensating visit at work."""
    owed: Owed | None = None
    failed: list[str] = field(default_factory=list)
    """Nodes whose compensation failed."""
