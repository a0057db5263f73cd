"""A month with a million runs behind it beside one with ten thousand: get, list and analytics over HTTP."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter
from uuid import UUID

import psycopg

from tests.benchmarks.contender import percentile
from tests.benchmarks.embedded import postgres_alone
from tests.benchmarks.figures import Figure, Verdict
from tests.benchmarks.histories import DAYS, EVENTS, Past, load
from tests.benchmarks.http_load import Connection, request
from tests.benchmarks.progress import say
from tests.benchmarks.stack import API, USER, BenchStack
from tests.support.blueprints import chain

FEW, MANY = 10_000, 1_000_000
"""Runs behind each of the two stacks that are compared."""
BLUEPRINTS = 20
ASKED, WARM_UP = 500, 100
"""Of each question: one at a time, the first ones not counted."""
TIMES_BAR, MORE_MS_BAR = 1.5, 1.0
EQUAL = 1.1
"""So far apart lie two measurements of the same."""
REBUILD_SECONDS = 1_200.0
REBUILT = {"execution": "instances", "metrics": "executions"}
"""The projection of each service that has grown."""
STAND_AT = {
    "execution.checkpoints": "UPDATE execution.checkpoints SET position = %s WHERE projection = 'instances'",
    "metrics.checkpoints": "UPDATE metrics.checkpoints SET position = %s WHERE projection = 'executions'",
    "execution.relay": "UPDATE execution.relay SET position = %s",
}
"""As if the past had been published and projected when it happened, so that only the rebuild works at it."""
OWN = "SELECT instance_id FROM execution.workflow_instances WHERE user_id = %s ORDER BY random() LIMIT %s"
COUNTS = """
SELECT (SELECT count(*) FROM execution.workflow_instances WHERE completed_at IS NOT NULL),
       (SELECT count(*) FROM metrics.execution_metrics)
"""
TIDY = ("VACUUM (ANALYZE)", "CHECKPOINT")
"""What PostgreSQL would do by itself in the minutes after: not while the clock runs."""


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
    with BenchStack(folder) as stack:
        blueprints = [stack.create(chain(name=f"answers {number}")) for number in range(BLUEPRINTS)]
    # The stream of before is behind the past that comes now; a lost store is a case that the product knows.
    shutil.rmtree(folder / "nats")
    began = monotonic()
    say("history", f"loading {instances:,} histories")
    with postgres_alone(folder) as dsn:
        _load(dsn, Past.of(instances, [UUID(blueprint) for blueprint in blueprints], USER))
    loaded = monotonic() - began
    with BenchStack(folder) as stack:
        began = monotonic()
        say("history", f"rebuilding, {loaded:.0f} s later")
        _rebuild(folder)
        rebuilt = monotonic() - began
        assert stack.rows(COUNTS) == [(instances, instances)]
        for statement in TIDY:
            stack.rows(statement)
        say("history", f"asking, {rebuilt:.0f} s later")
        p50 = {question: _p50_ms(stack, paths) for question, paths in _questions(stack, blueprints).items()}
    shutil.rmtree(folder)
    return Measured(p50, loaded, rebuilt)


def _load(dsn: str, past: Past) -> None:
    head = load(dsn, past)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table, statement in STAND_AT.items():
            assert connection.execute(statement, (head,)).rowcount == 1, table


def _rebuild(folder: Path) -> None:
    """As an operator would, of both services at once."""
    command = [sys.executable, "-m", "headrace", "rebuild"]
    rebuilding = [
        subprocess.Popen([*command, service, projection, "--data-dir", str(folder)], stdout=subprocess.DEVNULL)
        for service, projection in REBUILT.items()
    ]
    try:
        assert [process.wait(REBUILD_SECONDS) for process in rebuilding] == [0, 0]
    finally:
        for process in rebuilding:
            process.kill()


def _questions(stack: BenchStack, blueprints: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The paths that are asked in turn for each question; all by the owner of the blueprints, who has run a share."""
    own = [row[0] for row in stack.rows(OWN, USER, ASKED)]
    return {
        "get": [f"/instances/{instance_id}" for instance_id in own],
        "list": ["/instances"],
        "list, by blueprint and status": [
            f"/instances?blueprint_id={blueprint}&status=completed" for blueprint in blueprints
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
