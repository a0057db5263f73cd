"""How long the embedded stack takes to its `ready` line, in an empty folder and in one that it knows."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic

from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.support.stacks import Up

TRIES = 3
FIRST_BAR, FIRST_GOAL = 12.0, 6.0
WARM_BAR, WARM_GOAL = 8.0, 4.0
"""Seconds."""


def measure(folder: Path) -> Sequence[Figure]:
    """The median of some first starts and of as many later ones."""
    first, warm = [], []
    for number in range(1, TRIES + 1):
        data_dir = folder / str(number)
        data_dir.mkdir()
        say("startup", f"first and warm start, {number} of {TRIES}")
        first.append(_seconds_to_ready(data_dir))
        warm.append(_seconds_to_ready(data_dir))
    return [
        _figure("first start, in an empty folder", first, FIRST_BAR, FIRST_GOAL),
        _figure("warm start", warm, WARM_BAR, WARM_GOAL),
    ]


def _seconds_to_ready(data_dir: Path) -> float:
    began = monotonic()
    up = Up.launch(data_dir)
    try:
        up.ready_line()
        taken = monotonic() - began
        status, said = up.stop()
        assert status == 0, said
        return taken
    finally:
        up.reap()


def _figure(work: str, seconds: Sequence[float], bar: float, goal: float) -> Figure:
    value = median(seconds)
    told = ", ".join(f"{each:.1f}" for each in sorted(seconds))
    return Figure(
        f"{work}, to its ready line",
        f"{value:.1f} s",
        f"≤ {bar:g} s",
        f"≤ {goal:g} s",
        judged(value, bar, goal),
        f"median of {told} s",
    )
