"""Pure arithmetic of analytics: histograms, sums, and which rollups answer a window."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import ceil, floor, log
from operator import add
from uuid import UUID

from contracts.execution import RunFigures, Status

GAMMA = 1.08
"""Growth from one bucket to the next; a bucket's value is within (GAMMA - 1) / (GAMMA + 1) = 3.9 % of what it holds."""
SMALLEST_MS = 0.001
"""Everything up to here falls into bucket 0 and reads as nothing: clocks do not resolve less."""
LAST_BUCKET = 511
"""Holds all that is longer than about 3,800 years, so that no figure can make a histogram grow without bound."""
MILLISECOND_DIGITS = Decimal("0.001")
"""Durations are summed as decimals of whole microseconds: exact, whatever the order."""

BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_LOG_GAMMA = log(GAMMA)


def bucket_of(ms: float) -> int:
    """The bucket that a duration falls into: those that share it differ by at most the factor `GAMMA`."""
    if ms <= SMALLEST_MS:
        return 0
    return min(ceil(log(ms / SMALLEST_MS) / _LOG_GAMMA), LAST_BUCKET)


def value_of(bucket: int) -> float:
    """Milliseconds that stand for everything in the bucket."""
    return 0.0 if bucket == 0 else SMALLEST_MS * 2 * GAMMA**bucket / (GAMMA + 1)


def exact_ms(ms: float) -> Decimal:
    """A measured duration as the decimal that is kept and summed; a clock that went backwards counts as nothing."""
    return Decimal(repr(max(ms, 0.0))).quantize(MILLISECOND_DIGITS)


@dataclass(slots=True)
class Histogram:
    """How many durations fell into each bucket, dense from bucket `first` on."""

    first: int = 0
    counts: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many durations it holds."""
        return sum(self.counts)

    def record(self, times: Iterable[float]) -> None:
        """Count durations, in milliseconds."""
        for bucket, count in Counter(map(bucket_of, times)).items():
            self.add(bucket, (count,))

    def add(self, first: int, counts: Sequence[int]) -> None:
        """Count what another histogram holds."""
        if not counts:
            return
        if not self.counts:
            self.first = first
        self._reach(first, first + len(counts))
        begin = first - self.first
        part = slice(begin, begin + len(counts))
        self.counts[part] = map(add, self.counts[part], counts)

    def percentile(self, share: float) -> float | None:
        """Milliseconds at a share (0.95 = p95), interpolated between neighbours as `percentile_cont` does."""
        total = self.total
        if not total:
            return None
        rank = share * (total - 1)
        low = self._ranked(floor(rank))
        return low + (self._ranked(ceil(rank)) - low) * (rank - floor(rank))

    def _ranked(self, rank: int) -> float:
        seen = 0
        for bucket, count in enumerate(self.counts, self.first):
            seen += count
            if seen > rank:
                return value_of(bucket)
        raise IndexError(f"rank {rank} of {seen} durations")

    def _reach(self, low: int, high: int) -> None:
        if low < self.first:
            self.counts[:0] = [0] * (self.first - low)
            self.first = low
        missing = high - self.first - len(self.counts)
        if missing > 0:
            self.counts.extend([0] * missing)


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
        self.completed += other.completed
        self.failed += other.failed
        self.cancelled += other.cancelled
        self.duration_ms += other.duration_ms
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost += other.cost
        self.retries += other.retries
        self.cache_hits += other.cache_hits
        self.durations.add(other.durations.first, other.durations.counts)

    @classmethod
    def of(cls, status: Status, ended_at: datetime, figures: RunFigures) -> "Tally":
        """One execution."""
        durations = Histogram()
        durations.record((figures.execution_time_ms,))
        return cls(
            first_at=ended_at,
            last_at=ended_at,
            completed=int(status == "completed"),
            failed=int(status == "failed"),
            cancelled=int(status == "cancelled"),
            duration_ms=exact_ms(figures.execution_time_ms),
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
