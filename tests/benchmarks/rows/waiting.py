"""Ten thousand runs that wait for a time: how late they wake, what they cost in memory, and all of them at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

from tests.benchmarks.contender import Load, percentile
from tests.benchmarks.figures import Figure, Verdict, judged
from tests.benchmarks.ours import Headrace
from tests.benchmarks.progress import say
from tests.benchmarks.recorded import AT, Recorded
from tests.benchmarks.stack import BenchStack
from tests.support.blueprints import chain, step

WAITING = 10_000
SPREAD_SECONDS = 60.0
"""The due times of the first ten thousand lie evenly in so long a time."""
IN_FLIGHT = 64
REHEARSAL = 2_000
"""Runs that show how long it takes to start ten thousand."""
MARGIN = 2.0
"""Times that, and nobody is due before everybody waits."""
THROUGHPUT = Load(in_flight=128, seconds=10.0)
PATIENCE_SECONDS = 90.0
LATE_BAR_MS, LATE_GOAL_MS = 250.0, 100.0
GROWTH_BAR = 0.10
"""Of the worker's memory, while ten thousand wait and after."""
DRAIN_BAR = 1.5
"""Times what the step rate says."""
LATENESS = f"""
SELECT extract(epoch FROM {AT.replace("state", "woken.state")})
       - extract(epoch FROM (convert_from(due.state, 'UTF8')::jsonb ->> 'due_at')::timestamptz)
FROM execution.events AS due JOIN execution.events AS woken USING (originator_id)
WHERE due.notification_id > %s AND due.topic = 'TimerScheduled' AND woken.topic = 'NodeCompleted'
      AND convert_from(woken.state, 'UTF8')::jsonb ->> 'node_id' = 'until'
      AND (convert_from(due.state, 'UTF8')::jsonb ->> 'due_at')::timestamptz > {AT.replace("state", "due.state")}
"""
"""How late each wait ended, in seconds; one that was due before it began was no wait."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Ten thousand that waited."""

    lateness_seconds: Sequence[float]
    drained_seconds: float
    """From the last due time until the last had ended."""
    memory: Sequence[float]
    """The worker's, in bytes: before, while all waited, after."""
    statuses: Counter[str]

    @property
    def told(self) -> str:
        """Who did not do what it should."""
        others = ", ".join(f"{count:,} {status}" for status, count in self.statuses.items() if status != "completed")
        lost = WAITING - self.statuses.total()
        parts = [f"{self.statuses['completed']:,} completed", others, f"{lost:,} lost" if lost else ""]
        if (missed := WAITING - len(self.lateness_seconds)) > 0:
            parts.append(f"{missed:,} were started too late to wait")
        return ", ".join(part for part in parts if part)


def measure(folder: Path) -> Sequence[Figure]:
    """Due evenly over a minute, then all due at one instant."""
    with BenchStack(folder) as stack:
        say("waiting", f"step rate at {THROUGHPUT.in_flight} in flight")
        rate = Headrace(stack).run(THROUGHPUT).steps_per_second
        lead = _seconds_to_start(stack) * MARGIN
        spread = _wave(stack, lead, SPREAD_SECONDS)
        at_once = _wave(stack, lead, 0.0)
    return [_lateness(spread), _memory(spread), _lost("due within a minute", spread), *_drain(at_once, rate)]


def _blueprint(stack: BenchStack) -> str:
    return stack.create(chain(step("until", "until", time="${ input.due }"), name="until"))


def _start(stack: BenchStack, blueprint: str, due: Sequence[float]) -> float:
    """Start one run for each due time (Unix time); answers how long it took."""
    times = [datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z") for moment in due]
    order: dict[str, Any] = {"in_flight": IN_FLIGHT, "seconds": PATIENCE_SECONDS, "status": 202, "body": ""}
    bodies = tuple(f'{{"input": {{"due": "{moment}"}}}}' for moment in times)
    return stack.load(f"/blueprints/{blueprint}/execute?mode=async", bodies=bodies, **order).seconds


def _seconds_to_start(stack: BenchStack) -> float:
    recorded = Recorded(stack)
    taken = _start(stack, _blueprint(stack), [time() + 5.0] * REHEARSAL)
    recorded.wait_for("InstanceCompleted", REHEARSAL, PATIENCE_SECONDS)
    return taken * WAITING / REHEARSAL


def _wave(stack: BenchStack, lead: float, spread: float) -> Wave:
    worker = next(process for name, process in stack.processes().items() if name.startswith("execution"))
    recorded, blueprint = Recorded(stack), _blueprint(stack)
    memory = [worker.memory_info().rss]
    first = time() + lead
    say("waiting", f"starting {WAITING:,}, due {lead:.0f} to {lead + spread:.0f} s from now")
    _start(stack, blueprint, [first + spread * number / WAITING for number in range(WAITING)])
    memory.append(worker.memory_info().rss)
    say("waiting", f"{recorded.count('TimerScheduled'):,} wait, {first - time():.0f} s before the first is due")
    recorded.wait_for("InstanceCompleted", WAITING, max(0.0, first + spread - time()) + PATIENCE_SECONDS)
    drained = recorded.last("InstanceCompleted") - first - spread
    memory.append(worker.memory_info().rss)
    lateness = [float(row[0]) for row in stack.rows(LATENESS, recorded.head)]
    return Wave(lateness, drained, memory, stack.settled(blueprint, WAITING))


def _lateness(wave: Wave) -> Figure:
    late = [seconds * 1000 for seconds in wave.lateness_seconds]
    value = percentile(late, 0.99)
    return Figure(
        f"{WAITING:,} waiting, due within {SPREAD_SECONDS:g} s: wake-up after due, p99",
        f"{value:.0f} ms",
        f"≤ {LATE_BAR_MS:g} ms",
        f"≤ {LATE_GOAL_MS:g} ms",
        judged(value, LATE_BAR_MS, LATE_GOAL_MS),
        f"p50 {percentile(late, 0.5):.0f} ms, latest {max(late, default=0.0):.0f} ms",
    )


def _memory(wave: Wave) -> Figure:
    before, waiting, after = wave.memory
    growth = max(waiting, after) / before - 1
    return Figure(
        f"growth of the worker while {WAITING:,} wait, and after",
        f"{growth:+.1%}",
        f"≤ {GROWTH_BAR:.0%}",
        "",
        judged(growth, GROWTH_BAR),
        f"{before / 1e6:.0f} MB before, {waiting / 1e6:.0f} MB while all wait, {after / 1e6:.0f} MB after",
    )


def _lost(when: str, wave: Wave) -> Figure:
    done = wave.statuses["completed"]
    verdict: Verdict = "goal" if done == WAITING == len(wave.lateness_seconds) else "missed"
    return Figure(f"{WAITING:,} {when}: none lost", f"{done:,}", f"{WAITING:,}", "", verdict, wave.told)


def _drain(wave: Wave, rate: float) -> Sequence[Figure]:
    expected = WAITING / rate
    times = wave.drained_seconds / expected
    drained = Figure(
        f"{WAITING:,} due at one instant: time to drain beside what the step rate says",
        f"{times:.2f} ×",
        f"≤ {DRAIN_BAR:g} ×",
        "",
        judged(times, DRAIN_BAR),
        f"{wave.drained_seconds:.1f} s, expected {expected:.1f} s at {rate:,.0f} steps/s",
    )
    return _lost("due at one instant", wave), drained
