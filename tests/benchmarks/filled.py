"""A stack with a past: histories loaded into its ledger, and its read models rebuilt from them as an operator would."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from uuid import UUID

import psycopg

from tests.benchmarks.embedded import postgres_alone
from tests.benchmarks.histories import Past, load
from tests.benchmarks.progress import say
from tests.benchmarks.stack import USER, BenchStack

REBUILD_SECONDS = 1_200.0
REBUILT = {"execution": "instances", "metrics": "executions"}
"""The projection of each service that has grown."""
STAND_AT = (
    "UPDATE execution.checkpoints SET position = %s WHERE projection = 'instances'",
    "UPDATE metrics.checkpoints SET position = %s WHERE projection = 'executions'",
    "UPDATE execution.relay SET position = %s",
)
"""As if the past had been published and projected when it happened, so that only the rebuild works at it."""
COUNTS = """
SELECT (SELECT count(*) FROM execution.workflow_instances WHERE completed_at IS NOT NULL),
       (SELECT count(*) FROM metrics.execution_metrics)
"""
OWN = "SELECT instance_id::text FROM execution.workflow_instances WHERE user_id = %s ORDER BY random() LIMIT %s"
TIDY = ("VACUUM (ANALYZE)", "CHECKPOINT")
"""What PostgreSQL would do by itself in the minutes after: not while the clock runs."""

Create = Callable[[BenchStack], Sequence[str]]
"""Makes the blueprints of which the past consists; answers their ids, the one that is run most first."""


@dataclass(frozen=True, slots=True)
class Filled:
    """It runs, and its past is in all read models."""

    stack: BenchStack
    blueprints: Sequence[str]
    loaded_seconds: float
    rebuilt_seconds: float


def own_instances(stack: BenchStack, count: int) -> Sequence[str]:
    """The ids of so many runs of the user who asks, whichever: another user's are hidden from them."""
    return [row[0] for row in stack.rows(OWN, USER, count)]


@contextmanager
def filled_stack(row: str, folder: Path, instances: int, create: Create) -> Iterator[Filled]:
    """A stack in the folder behind which lie so many runs."""
    with BenchStack(folder) as stack:
        blueprints = create(stack)
    # The stream of before is behind the past that comes now; a lost store is a case that the product knows.
    shutil.rmtree(folder / "nats")
    began = monotonic()
    say(row, f"loading {instances:,} histories")
    with postgres_alone(folder) as dsn:
        _load(dsn, Past.of(instances, [UUID(blueprint) for blueprint in blueprints], USER))
    loaded = monotonic() - began
    with BenchStack(folder) as stack:
        began = monotonic()
        say(row, f"rebuilding, {loaded:.0f} s later")
        _rebuild(folder)
        rebuilt = monotonic() - began
        assert stack.rows(COUNTS) == [(instances, instances)]
        for statement in TIDY:
            stack.rows(statement)
        yield Filled(stack, blueprints, loaded, rebuilt)


def _load(dsn: str, past: Past) -> None:
    head = load(dsn, past)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in STAND_AT:
            assert connection.execute(statement, (head,)).rowcount == 1, statement


def _rebuild(folder: Path) -> None:
    """Of both services at once."""
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
