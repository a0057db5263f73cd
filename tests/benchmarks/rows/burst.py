"""A thousand runs at once: none is lost, none fails, and together they take no longer than the throughput says."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.contender import STEPS, Load
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.ours import Headrace
from tests.benchmarks.progress import say
from tests.benchmarks.recorded import Recorded
from tests.benchmarks.stack import BenchStack, chain_of_steps

BURST = 1_000
THROUGHPUT = Load(in_flight=128, seconds=10.0)
PATIENCE_SECONDS = 60.0
GOAL = 1.2
"""Times what the throughput predicts."""


def measure(folder: Path) -> Sequence[Figure]:
    """All requests outstanding at once, beside the same stack's throughput at 128 in flight."""
    with BenchStack(folder) as stack:
        say("burst", f"throughput at {THROUGHPUT.in_flight} in flight")
        rate = Headrace(stack).run(THROUGHPUT).steps_per_second
        blueprint = stack.create(chain_of_steps(STEPS))
        say("burst", f"{BURST:,} runs at once ({rate:,.0f} steps/s before)")
        recorded = Recorded(stack)
        seen = stack.load(
            f"/blueprints/{blueprint}/execute?mode=async",
            body='{"input": {}}',
            status=202,
            in_flight=BURST,
            most=BURST,
            seconds=PATIENCE_SECONDS,
        )
        recorded.wait_for("InstanceCompleted", BURST, PATIENCE_SECONDS)
        seconds = recorded.last("InstanceCompleted") - seen.began_at
        statuses = stack.settled(blueprint, BURST)
    return [_kept(statuses), _duration(seconds, BURST * STEPS / rate, max(seen.latencies_ms), seen.cpu_seconds)]


def _kept(statuses: Counter[str]) -> Figure:
    done = statuses["completed"]
    others = ", ".join(f"{count} {status}" for status, count in statuses.items() if status != "completed")
    lost = BURST - statuses.total()
    return Figure(
        f"{BURST:,} runs at once: completed",
        f"{done:,} of {BURST:,}",
        "none lost, none failed",
        "",
        "goal" if done == BURST else "missed",
        ", ".join(part for part in (others, f"{lost} lost" if lost else "") if part),
    )


def _duration(seconds: float, predicted: float, slowest_ms: float, cpu_seconds: float) -> Figure:
    times = seconds / predicted
    return Figure(
        f"{BURST:,} runs at once: time beside what the throughput predicts",
        f"{times:.2f} ×",
        "",
        f"≤ {GOAL:g} ×",
        judged(times, GOAL),
        f"{seconds:.1f} s, predicted {predicted:.1f} s; the last was accepted after {slowest_ms / 1000:.1f} s; "
        f"the client used {cpu_seconds:.2f} s of CPU",
    )
