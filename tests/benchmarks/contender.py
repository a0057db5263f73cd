"""What every engine under comparison is asked to do, and what it answers: a chain of durable steps, under load."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Protocol

STEPS = 5
"""Of each run: no-op steps one after the other, each durable before the next begins."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much to ask for: `in_flight` runs at all times, for `seconds` after `warm_up_seconds` that do not count."""

    in_flight: int
    seconds: float
    warm_up_seconds: float = 3.0
    steps: int = STEPS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done within the counted seconds."""

    runs: int
    seconds: float
    latencies_ms: Sequence[float]
    """Of each counted run, from asking to its answer."""
    client_cpu_seconds: float
    """Of the process that asks; of everything, where the engine lives in it."""
    steps: int = STEPS

    @property
    def steps_per_second(self) -> float:
        """Durable steps done in a second."""
        return self.runs * self.steps / self.seconds

    def latency_ms(self, share: float) -> float:
        """The latency that so large a share (0..1] of the runs kept."""
        return percentile(self.latencies_ms, share)


class Contender(Protocol):
    """An engine, or a program without one, that runs chains of durable steps on this machine."""

    name: str

    def prepare(self, cache: Path) -> str:
        """Install what it needs below `cache` (kept between runs); answers its version."""

    def start(self, folder: Path) -> None:
        """Start it and its servers with data in the empty `folder`; returns when it takes work."""

    def run(self, load: Load) -> Outcome:
        """Put the load on it; every counted run has ended and has done all its steps."""

    def stop(self) -> None:
        """Stop all that was started."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; nan of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
