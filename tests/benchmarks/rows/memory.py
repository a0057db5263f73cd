"""What each service's process holds in memory, and whether that grows with the runs it has seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.stack import BenchStack, chain_of_steps

MEGABYTE = 1_000_000
BARS = {"gateway": 100, "blueprint": 100, "metrics": 100, "execution": 130}
"""Megabytes of resident memory."""
GOAL = 90
GROWTH_BAR = 0.05
FROM, TO = 20_000, 100_000
"""The executions between which memory is compared."""
IN_FLIGHT = 128
BUDGET_SECONDS = 210.0
"""For all executions: on a slow machine fewer are counted, and the figure says so."""
SLICE = 5_000
"""Executions between two looks at the clock."""


def measure(folder: Path) -> Sequence[Figure]:
    """Resident memory of each service after many executions of one step, and its growth meanwhile."""
    with BenchStack(folder) as stack:
        blueprint = stack.create(chain_of_steps(1))
        deadline = monotonic() + BUDGET_SECONDS
        began = _run(stack, blueprint, 0, FROM, deadline)
        before = _resident(stack)
        done = _run(stack, blueprint, began, TO, deadline)
        after = _resident(stack)
    return [*(_size(name, after[name], done) for name in BARS), _growth(before, after, began, done)]


def _run(stack: BenchStack, blueprint: str, done: int, until: int, deadline: float) -> int:
    while done < until and monotonic() < deadline:
        say("memory", f"{done:,} executions of {until:,}")
        stack.load(
            f"/blueprints/{blueprint}/execute", body='{"input": {}}', in_flight=IN_FLIGHT, most=SLICE, seconds=60.0
        )
        done += SLICE
    return done


def _resident(stack: BenchStack) -> Mapping[str, float]:
    """Megabytes by service; of several processes of one service the largest."""
    found: dict[str, float] = {}
    for name, process in stack.processes().items():
        service = name.partition("-")[0]
        found[service] = max(found.get(service, 0.0), process.memory_info().rss / MEGABYTE)
    return found


def _size(service: str, megabytes: float, done: int) -> Figure:
    bar = BARS[service]
    return Figure(
        f"resident memory of {service}",
        f"{megabytes:.0f} MB",
        f"≤ {bar} MB",
        f"≤ {GOAL} MB",
        judged(megabytes, bar, GOAL),
        f"after {done:,} executions, no LangGraph and no provider SDK in use",
    )


def _growth(before: Mapping[str, float], after: Mapping[str, float], began: int, done: int) -> Figure:
    growths = {name: after[name] / before[name] - 1 for name in BARS}
    measured = max(growths.values())
    whole = measured * (TO - FROM) / (done - began) if done > began else float("nan")
    told = ", ".join(f"{name} {growth:+.1%}" for name, growth in growths.items())
    scaled = "" if done == TO else f"; measured from {began:,} to {done:,} in the time there was, and scaled up"
    return Figure(
        f"growth of the process that grows most, execution {FROM:,} to {TO:,}",
        f"{whole:+.1%}",
        f"≤ {GROWTH_BAR:.0%}",
        "",
        judged(whole, GROWTH_BAR),
        told + scaled,
    )
