"""The tools of the benchmark's stack: a step that does nothing, of which some look whether the one before is durable.

Given to `headrace up --tools`. The ledger is read over a connection of the probe's own, which sees only what is
committed.
"""

import os
from typing import Any

import asyncpg

PROBE_ONE_IN = 256
"""Of so many runs one is probed at each of its steps: enough to catch a step that begins early, too few to slow it."""
BEFORE = """
SELECT EXISTS (
    SELECT FROM execution.events
    WHERE originator_id = $1 AND topic = 'NodeCompleted' AND convert_from(state, 'UTF8')::jsonb ->> 'node_id' = $2
)
"""

_pool: asyncpg.Pool | None = None


async def step(arguments: dict[str, Any], context: Any) -> dict[str, Any]:
    """One durable step that has nothing to do; of some runs it first asks whether the step before is committed."""
    if context.instance_id.int % PROBE_ONE_IN == 0 and not await _is_recorded(context.instance_id, arguments["after"]):
        raise RuntimeError(f"{context.node_id} began before {arguments['after']} was committed")
    return {}


async def _is_recorded(instance_id: Any, node_id: str) -> bool:
    global _pool  # noqa: PLW0603 - a tools file has no place of its own for it
    if _pool is None:
        _pool = await asyncpg.create_pool(os.environ["HEADRACE_POSTGRES_DSN"], min_size=0, max_size=2)
    return bool(await _pool.fetchval(BEFORE, instance_id, node_id))
