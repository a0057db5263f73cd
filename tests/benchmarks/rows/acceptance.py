"""How quickly a run is accepted while others are: an open load, whose latency counts from when a request was due."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.contender import percentile
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.stack import BenchStack, chain_of_steps

RATE = 200.0
"""Requests a second."""
SECONDS = 15.0
WARM_UP_SECONDS = 5.0
STEPS = 1
LIMITS_MS = {0.50: (10.0, 5.0), 0.99: (100.0, 30.0)}
"""By share of the requests: the bar and the goal."""


def measure(folder: Path) -> Sequence[Figure]:
    """The latency of `202 Accepted` at a steady rate."""
    with BenchStack(folder) as stack:
        blueprint = stack.create(chain_of_steps(STEPS))
        say("acceptance", f"{RATE:g} requests/s for {SECONDS:g} s")
        seen = stack.load(
            f"/blueprints/{blueprint}/execute?mode=async",
            body='{"input": {}}',
            status=202,
            rate=RATE,
            seconds=SECONDS,
            warm_up_seconds=WARM_UP_SECONDS,
        )
    note = f"{len(seen.latencies_ms)} answers in {seen.seconds:.0f} s, the client used {seen.cpu_seconds:.2f} s of CPU"
    return [_figure(seen.latencies_ms, share, note) for share in LIMITS_MS]


def _figure(latencies_ms: Sequence[float], share: float, note: str) -> Figure:
    bar, goal = LIMITS_MS[share]
    value = percentile(latencies_ms, share)
    return Figure(
        f"acceptance at {RATE:g} requests/s, p{share * 100:g}",
        f"{value:.1f} ms",
        f"≤ {bar:g} ms",
        f"≤ {goal:g} ms",
        judged(value, bar, goal),
        note,
    )
