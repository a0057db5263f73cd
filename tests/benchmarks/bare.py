"""The bare limit as a contender: the facts of one real run, committed and published by a program without an engine."""

from contextlib import ExitStack
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import psycopg

from tests.benchmarks.bare_program import Work
from tests.benchmarks.contender import STEPS, Load, Outcome
from tests.benchmarks.stack import BenchStack, chain_of_steps
from tests.benchmarks.telling import asked
from tests.support.backends import Backend
from tests.support.infrastructure import nats_server, postgres_server

COMMITS = """
SELECT xmin::text, topic, convert_from(state, 'UTF8') FROM execution.events
WHERE originator_id = %s ORDER BY originator_version
"""
"""Facts that were committed together bear the same transaction."""


class Bare:
    """What this machine's disk and wire allow: nothing that keeps the same promises in Python can be much quicker."""

    name = "bare limit"

    def __init__(self) -> None:
        """What is replayed has to be recorded first."""
        self._servers = ExitStack()
        self._urls: tuple[str, str] = ("", "")
        self._commits: dict[int, list[list[tuple[str, str]]]] = {}

    def prepare(self, cache: Path) -> str:
        """It is here already."""
        return "asyncpg, nats-py"

    def record(self, stack: BenchStack, steps: int = STEPS) -> None:
        """Take the facts of one real run, commit by commit, as what is replayed."""
        blueprint = stack.create(chain_of_steps(steps))
        run = stack.ask("POST", f"/blueprints/{blueprint}/execute", json={"input": {}})
        with psycopg.connect(stack.superuser_dsn) as ledger:
            rows = ledger.execute(COMMITS, (run["instance_id"],)).fetchall()
        by_commit = groupby(rows, key=lambda row: row[0])
        self._commits[steps] = [[(topic, state) for _, topic, state in facts] for _, facts in by_commit]

    def start(self, folder: Path) -> None:
        """Both servers, with the disk as honest as for everybody."""
        embedded = Backend("embedded", "benchmark")
        self._urls = (
            self._servers.enter_context(postgres_server(embedded, durable=True)),
            self._servers.enter_context(nats_server(embedded)),
        )

    def run(self, load: Load) -> Outcome:
        """Replay the recorded run, so many at a time."""
        work = Work(*self._urls, self._commits[load.steps], load.in_flight, load.seconds, load.warm_up_seconds)
        seen = asked("tests.benchmarks.bare_program", asdict(work), load.seconds + load.warm_up_seconds)
        latencies = seen["latencies_ms"]
        return Outcome(len(latencies), seen["seconds"], latencies, seen["cpu_seconds"], load.steps)

    def stop(self) -> None:
        """Stop the servers."""
        self._servers.close()
