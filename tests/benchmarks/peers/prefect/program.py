"""Flows of no-op tasks on Prefect, told and answered in JSON lines; runs in Prefect's own environment.

Follows docs.prefect.io/v3/how-to-guides/workflows/write-and-run (flows called in the process that asks, which spares
them the start of a process each), and docs.prefect.io/v3/advanced/results (persisted results, which make a task that
has run one that does not run again; Prefect writes them to files, without fsync). What the server is told of tasks it
writes down later, in batches: the check after a load waits for that, the load itself does not.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from prefect import flow, runtime, task
from prefect.settings import get_current_settings

from tests.benchmarks.peers.pacing import serve

RECORDED = """
    SELECT flow_run_id FROM task_run JOIN flow_run ON flow_run.id = flow_run_id
    WHERE flow_run_id = ANY($1) AND task_run.state_type = 'COMPLETED' AND flow_run.state_type = 'COMPLETED'
    GROUP BY flow_run_id HAVING count(*) = $2
"""
RECORDING_SECONDS = 120.0
POLL_SECONDS = 0.5


@task(persist_result=True)
async def step(done: int) -> int:
    """Count, and nothing else."""
    return done + 1


@flow
async def chain(steps: int) -> str:
    """Take so many steps, each with its result stored before the next begins; answers the id of the run."""
    done = 0
    while done < steps:
        done = await step(done)
    return str(runtime.flow_run.id)


class Engine:
    """A Prefect client whose flows run in this process."""

    def __init__(self, dsn: str, results: Path) -> None:
        self._dsn = dsn
        self._results = results
        self._results_before = 0

    async def chain(self, steps: int) -> str:
        """Call the flow."""
        return await chain(steps)

    async def recorded(self, runs: Sequence[str], steps: int) -> set[str]:
        """Those of whose tasks the server has written down that they completed."""
        results = len(list(self._results.iterdir())) - self._results_before
        if results < len(runs) * steps:
            raise RuntimeError(f"{len(runs)} runs left {results} results of tasks in {self._results}.")
        self._results_before += results
        connection = await asyncpg.connect(self._dsn)
        try:
            deadline = time.monotonic() + RECORDING_SECONDS
            while True:
                found = {str(row[0]) for row in await connection.fetch(RECORDED, list(runs), steps)}
                if len(found) == len(runs) or time.monotonic() > deadline:
                    return found
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await connection.close()


@asynccontextmanager
async def opened(settings: Mapping[str, Any]) -> AsyncIterator[Engine]:
    """Prefect as its environment variables set it up."""
    results = get_current_settings().results.local_storage_path
    results.mkdir(parents=True, exist_ok=True)
    yield Engine(settings["dsn"], results)


if __name__ == "__main__":
    serve(opened)
