"""How long things took: durations counted in logarithmic buckets (pure)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil, floor, log
from operator import add

GAMMA = 1.08
"""Growth from one bucket to the next; a bucket's value is within (GAMMA - 1) / (GAMMA + 1) = 3.9 % of what it holds."""
SMALLEST_MS = 0.001
"""Everything up to here falls into bucket 0 and reads as nothing: clocks do not resolve less."""
LAST_BUCKET = 511
"""Holds all that is longer than about 3,800 years, so that no figure can make a histogram grow without bound."""
MILLISECOND_DIGITS = Decimal("0.001")
"""Durations are summed as decimals of whole microseconds: exact, whatever the order."""

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

    def subtract(self, first: int, counts: Sequence[int]) -> None:
        """Count no more what another histogram holds, and become what would hold the rest alone."""
        for bucket, count in enumerate(counts, first - self.first):
            self.counts[bucket] -= count
        filled = [bucket for bucket, count in enumerate(self.counts) if count]
        begin, end = (filled[0], filled[-1] + 1) if filled else (0, 0)
        self.first = self.first + begin if filled else 0
        self.counts = self.counts[begin:end]

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
