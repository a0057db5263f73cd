"""A month with a million runs behind it beside one with ten thousand: get, list and analytics over HTTP."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.benchmarks.contender import percentile
from tests.benchmarks.figures import Figure, Verdict
from tests.benchmarks.filled import filled_stack, own_instances
from tests.benchmarks.histories import DAYS, EVENTS
from tests.benchmarks.http_load import Connection, request
from tests.benchmarks.progress import say
from tests.benchmarks.stack import API, BenchStack
from tests.support.blueprints import chain

FEW, MANY = 10_000, 1_000_000
"""Runs behind each of the two stacks that are compared."""
BLUEPRINTS = 20
MOST_RUN, SHORT_PAGE = 3, 5
"""Of so many blueprints, those that are run most, the asking user has a page of so many behind the few as well: both
answers are as long."""
ASKED, WARM_UP = 500, 100
"""Of each question: one at a time, the first ones not counted."""
TIMES_BAR, MORE_MS_BAR = 1.5, 1.0
EQUAL = 1.1
"""So far apart lie two measurements of the same."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stack with its past."""

    p50_ms: Mapping[str, float]
    """By question."""
    loaded_seconds: float
    rebuilt_seconds: float


def measure(folder: Path) -> Sequence[Figure]:
    """Every question's p50 on both stacks, one after the other."""
    few, many = (_measured(folder / str(instances), instances) for instances in (FEW, MANY))
    return [
        *(_compared(question, few.p50_ms[question], p50) for question, p50 in many.p50_ms.items()),
        Figure(
            f"loading {MANY:,} histories of {EVENTS} facts, then rebuilding both read models from them",
            f"{many.loaded_seconds:.0f} s + {many.rebuilt_seconds:.0f} s",
            note=f"the rebuild read {EVENTS * MANY / many.rebuilt_seconds:,.0f} facts/s for two services at once",
        ),
    ]


def _measured(folder: Path, instances: int) -> Measured:
    folder.mkdir()
    with filled_stack("history", folder, instances, _create) as filled:
        say("history", f"asking, {filled.rebuilt_seconds:.0f} s later")
        questions = _questions(filled.stack, filled.blueprints)
        p50 = {question: _p50_ms(filled.stack, paths) for question, paths in questions.items()}
    shutil.rmtree(folder)
    return Measured(p50, filled.loaded_seconds, filled.rebuilt_seconds)


def _create(stack: BenchStack) -> Sequence[str]:
    return [stack.create(chain(name=f"answers {number}")) for number in range(BLUEPRINTS)]


def _questions(stack: BenchStack, blueprints: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The paths that are asked in turn for each question; all by the owner of the blueprints, who has run a share."""
    own = own_instances(stack, ASKED)
    return {
        "get": [f"/instances/{instance_id}" for instance_id in own],
        "list": ["/instances"],
        "list, by blueprint and status": [
            f"/instances?blueprint_id={blueprint}&status=completed&limit={SHORT_PAGE}"
            for blueprint in blueprints[:MOST_RUN]
        ],
        "analytics of a blueprint": [f"/blueprints/{blueprint}/analytics" for blueprint in blueprints],
        "usage of a user": ["/analytics/usage"],
    }


def _p50_ms(stack: BenchStack, paths: Sequence[str]) -> float:
    asked = [request("GET", API + path, {"Authorization": f"Bearer {stack.token}"}) for path in paths]
    return percentile(asyncio.run(_latencies_ms(stack.url, asked)), 0.5)


async def _latencies_ms(url: str, asked: Sequence[bytes]) -> Sequence[float]:
    connection = await Connection.connect(url)
    latencies = []
    for number in range(WARM_UP + ASKED):
        began = perf_counter()
        status, body = await connection.ask(asked[number % len(asked)])
        latencies.append((perf_counter() - began) * 1000)
        assert status == 200, body
    connection.close()
    return latencies[WARM_UP:]


def _compared(question: str, few: float, many: float) -> Figure:
    times = many / few
    verdict: Verdict = "missed"
    if times <= EQUAL:
        verdict = "goal"
    elif times <= TIMES_BAR or many - few <= MORE_MS_BAR:
        verdict = "bar"
    return Figure(
        f"{question}: p50 with {MANY:,} runs in {DAYS} days beside {FEW:,}",
        f"{times:.2f} × ({many - few:+.2f} ms)",
        f"≤ {TIMES_BAR} × or + {MORE_MS_BAR:g} ms",
        f"equal (≤ {EQUAL} ×)",
        verdict,
        f"{many:.2f} ms, {few:.2f} ms",
    )
