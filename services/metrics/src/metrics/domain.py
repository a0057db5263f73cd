"""Pure arithmetic of analytics: what is counted of an execution, for whom, and which rollups answer a window."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from contracts.blueprint import BlueprintReference
from contracts.execution import RunFigures, Status
from contracts.message import Caller
from contracts.refusal import Missing
from contracts.roles import may
from metrics.histogram import Histogram, exact_ms

SUMS = (
    "completed",
    "failed",
    "cancelled",
    "duration_ms",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "retries",
    "cache_hits",
)
"""What a tally adds up."""
CANCELLED = ("cancelled", "terminated")
"""Both were called off, with and without compensation: analytics does not tell them apart."""
EVERYONE = ""
"""The audience whose rollups count the runs of all users; any other audience is a user id."""
BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def audience_for(caller: Caller, blueprint: BlueprintReference) -> str:
    """Whose executions the caller may learn of: its owner, and who has `read` in its team, of everybody's.

    Refused as missing when the blueprint is not visible at all.
    """
    if not blueprint.visible_to(caller):
        raise Missing("blueprint_not_found", f"There is no blueprint {blueprint.id}.")
    sees_all = caller.user_id == blueprint.owner_id or may(caller, "read", blueprint.team_id)
    return EVERYONE if sees_all else caller.user_id


@dataclass(frozen=True, slots=True)
class Execution:
    """What is counted of one execution that has ended."""

    blueprint_id: UUID
    user_id: str
    status: Status
    ended_at: datetime
    figures: RunFigures


@dataclass(slots=True)
class Tally:
    """What a number of ended executions add up to, and when the first and the last of them ended."""

    first_at: datetime = END_OF_TIME
    last_at: datetime = BEGIN_OF_TIME
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    duration_ms: Decimal = Decimal(0)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    retries: int = 0
    cache_hits: int = 0
    durations: Histogram = field(default_factory=Histogram)

    @property
    def total(self) -> int:
        """How many executions."""
        return self.completed + self.failed + self.cancelled

    @property
    def tokens(self) -> int:
        """Tokens of prompts and completions."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def success_rate(self) -> float | None:
        """Completed of those that completed or failed; nothing when there were none."""
        judged = self.completed + self.failed
        return self.completed / judged if judged else None

    @property
    def mean_ms(self) -> float | None:
        """Average duration, exact to the microsecond."""
        return float(self.duration_ms / self.total) if self.total else None

    def add(self, other: "Tally") -> None:
        """Count what another tally counted."""
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.durations.add(other.durations.first, other.durations.counts)

    def subtract(self, other: "Tally") -> None:
        """Count no more what another tally counted; when the first and the last ended is then for others to say."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) - getattr(other, name))
        self.durations.subtract(other.durations.first, other.durations.counts)

    @classmethod
    def of(cls, execution: Execution) -> "Tally":
        """One execution; a terminated one counts as cancelled."""
        figures, duration_ms = execution.figures, exact_ms(execution.figures.execution_time_ms)
        durations = Histogram()
        durations.record((float(duration_ms),))
        return cls(
            first_at=execution.ended_at,
            last_at=execution.ended_at,
            completed=int(execution.status == "completed"),
            failed=int(execution.status == "failed"),
            cancelled=int(execution.status in CANCELLED),
            duration_ms=duration_ms,
            prompt_tokens=figures.prompt_tokens,
            completion_tokens=figures.completion_tokens,
            cost=figures.cost,
            retries=figures.retries,
            cache_hits=figures.cache_hits,
            durations=durations,
        )


class Span(StrEnum):
    """How much time a rollup sums up, in UTC; the longest first, each a multiple of the next."""

    DAY = "day"
    HOUR = "hour"
    FIVE_MINUTES = "5 minutes"

    @property
    def length(self) -> timedelta:
        """From the beginning of one rollup to the next."""
        return LENGTHS[self]

    def begin(self, moment: datetime) -> datetime:
        """The beginning of the rollup to which the moment belongs."""
        utc = moment.astimezone(UTC)
        midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (utc - midnight) // self.length * self.length


LENGTHS = {
    Span.DAY: timedelta(days=1),
    Span.HOUR: timedelta(hours=1),
    Span.FIVE_MINUTES: timedelta(minutes=5),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, half open: since <= moment < until."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """What of a window lies in the time of one rollup, for one blueprint."""

    blueprint_id: UUID
    window: Window


@dataclass(frozen=True, slots=True)
class Rollup:
    """The tally of one stretch of time, for one blueprint."""

    blueprint_id: UUID
    span: Span
    starts_at: datetime
    tally: Tally

    def lies_in(self, window: Window) -> bool:
        """Whether everything it counts happened in the window, so that it may be used as it is."""
        return window.since <= self.tally.first_at and self.tally.last_at < window.until

    def part_of(self, window: Window) -> Part:
        """The stretch of time that the window and this rollup share."""
        end = self.starts_at + self.span.length
        return Part(self.blueprint_id, Window(max(window.since, self.starts_at), min(window.until, end)))


def settle(window: Window, rollups: Iterable[Rollup]) -> tuple[list[Rollup], list[Part]]:
    """Of the rollups that touch a window: those that may be used whole, and the parts that need a closer look.

    Only the first and the last rollup of a span can need one, and only when something happened in its time outside the
    window too: the rollup of the hour that is running now is used whole.
    """
    whole: list[Rollup] = []
    parts: list[Part] = []
    for rollup in rollups:
        if rollup.lies_in(window):
            whole.append(rollup)
        else:
            parts.append(rollup.part_of(window))
    return whole, parts
