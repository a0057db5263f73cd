"""What a history's length costs: a step at the end of a long one, and a run taken over that has one behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import time
from typing import Any

from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.recorded import AT, Recorded
from tests.benchmarks.stack import BenchStack
from tests.support.blueprints import chain, passes, step

PURE_NODES = 5
EVENTS_PER_PASS = 10
"""Two of the pass, one of its start, two of its durable step, one of each pure node."""
INSTANCES = {10: 20, 1_000: 5, 100_000: 1}
"""How many runs there are of each length, in events."""
LAST_SHARE = 0.1
"""A step's time is taken over the last tenth of the passes."""
BAR = 1.2
OTHERS = 100
"""Runs that come to rest after the measured ones, so that the worker has forgotten those and must read them again."""
STEP_SECONDS = 0.05
"""No pass takes longer, or the row gives up."""
PATIENCE_SECONDS = 30.0
REST = "InstanceSuspended"

TAKEN = f"""
SELECT extract(epoch FROM max({AT}) FILTER (WHERE topic = 'BodyCompleted') - min({AT})) FROM execution.events
WHERE originator_id = %s AND topic IN ('BodyStarted', 'BodyCompleted')
      AND (convert_from(state, 'UTF8')::jsonb ->> 'index')::integer >= %s
"""
CLAIMED = f"""
SELECT extract(epoch FROM max({AT})) FROM execution.events WHERE originator_id = %s AND topic = 'InstanceClaimed'
"""


@dataclass(frozen=True, slots=True)
class Length:
    """The runs of one length."""

    events: int
    instances: Sequence[str]
    step_ms: float


def measure(folder: Path) -> Sequence[Figure]:
    """Loops of durable steps that come to rest; then a signal to each of them."""
    with BenchStack(folder) as stack:
        blueprint = stack.create(_loop())
        _rest(stack, blueprint, 0, OTHERS)
        lengths = [_length(stack, blueprint, events, count) for events, count in INSTANCES.items()]
        say("long history", "taking over")
        _rest(stack, blueprint, 0, OTHERS)
        taken_over = {length.events: _taken_over(stack, length) for length in lengths}
    return [_steps(lengths), _takeovers(taken_over)]


def _loop() -> dict[str, Any]:
    work = step("work", name="step", arguments={"after": "start"})
    pure = [step(f"pure{number}", "transform", output="${ index }") for number in range(PURE_NODES)]
    loop = step("loop", "loop", body=passes(work, *pure), max_iterations=10_000, **{"while": "index < input.passes"})
    return chain(loop, step("end", "signal", name="go"), name="long history")


def _rest(stack: BenchStack, blueprint: str, count: int, instances: int) -> Sequence[str]:
    """Runs of so many passes that have come to rest, started one after the other."""
    found = []
    for _ in range(instances):
        recorded = Recorded(stack)
        body = {"input": {"passes": count}}
        run = stack.ask("POST", f"/blueprints/{blueprint}/execute", params={"mode": "async"}, json=body)
        found.append(str(run["instance_id"]))
        rested = recorded.wait_for(REST, 1, PATIENCE_SECONDS + count * STEP_SECONDS)
        assert rested, f"a run of {count:,} passes has not come to rest"
    return found


def _length(stack: BenchStack, blueprint: str, events: int, instances: int) -> Length:
    say("long history", f"{instances} of {events:,} events")
    count = events // EVENTS_PER_PASS
    found = _rest(stack, blueprint, count, instances)
    first = min(count - 1, int(count * (1 - LAST_SHARE)))
    step_ms = median(float(stack.rows(TAKEN, each, first)[0][0]) * 1000 / (count - first) for each in found)
    return Length(events, found, step_ms)


def _taken_over(stack: BenchStack, length: Length) -> float:
    """Milliseconds from sending a signal until the run is claimed."""
    taken = []
    for instance_id in length.instances:
        recorded, began = Recorded(stack), time()
        stack.ask("POST", f"/instances/{instance_id}/signal", json={"name": "go"})
        assert recorded.wait_for("InstanceCompleted", 1, PATIENCE_SECONDS), f"{instance_id} has not gone on"
        taken.append(float(stack.rows(CLAIMED, instance_id)[0][0]) - began)
    return median(taken) * 1000


def _steps(lengths: Sequence[Length]) -> Figure:
    growth = lengths[-1].step_ms / lengths[0].step_ms
    return Figure(
        f"a durable step after {lengths[-1].events:,} events beside one after {lengths[0].events:,}",
        f"{growth:.2f} ×",
        f"≤ {BAR:g} ×",
        "",
        judged(growth, BAR),
        ", ".join(f"{length.step_ms:.2f} ms after {length.events:,}" for length in lengths),
    )


def _takeovers(taken_over: Mapping[int, float]) -> Figure:
    return Figure(
        "a run that has left memory is taken over, from the signal on",
        " / ".join(f"{value:.0f} ms" for value in taken_over.values()),
        note="with a history of " + " / ".join(f"{events:,}" for events in taken_over) + " events, read once more",
    )
