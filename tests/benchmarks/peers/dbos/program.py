"""Chains of no-op steps on DBOS, told and answered in JSON lines; runs in DBOS's own environment.

Follows docs.dbos.dev/production/checklist (Postgres as the system database, the size of its connection pool) and
docs.dbos.dev/python/tutorials/workflow-tutorial (coroutine workflows, started with start_workflow_async).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from dbos import DBOS, DBOSConfig

from tests.benchmarks.peers.pacing import serve

RECORDED = """
    SELECT workflow_uuid FROM dbos.workflow_status JOIN dbos.operation_outputs AS step USING (workflow_uuid)
    WHERE workflow_uuid = ANY(%s) AND status = 'SUCCESS' AND step.output IS NOT NULL
    GROUP BY workflow_uuid HAVING count(*) = %s
"""


@DBOS.step()
async def step(done: int) -> int:
    """Count, and nothing else."""
    return done + 1


@DBOS.workflow()
async def chain(steps: int) -> int:
    """Take so many steps, each recorded before the next begins."""
    done = 0
    while done < steps:
        done = await step(done)
    return done


class Engine:
    """DBOS at work in this process."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def chain(self, steps: int) -> str:
        """Start a workflow and wait for its end."""
        handle = await DBOS.start_workflow_async(chain, steps)
        await handle.get_result()
        return handle.workflow_id

    async def recorded(self, runs: Sequence[str], steps: int) -> set[str]:
        """Those whose steps DBOS has in its table of step outputs."""
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            rows = await connection.execute(RECORDED, [list(runs), steps])
            return {run async for (run,) in rows}


@asynccontextmanager
async def opened(settings: Mapping[str, Any]) -> AsyncIterator[Engine]:
    """DBOS, launched on the database of the settings."""
    config: DBOSConfig = {
        "name": "peer",
        "system_database_url": settings["dsn"],
        "sys_db_pool_size": settings["pool_size"],
        # Async workflows record their steps in threads of this pool: more of them than connections would only wait.
        "max_executor_threads": settings["pool_size"],
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield Engine(settings["dsn"])
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    serve(opened)
