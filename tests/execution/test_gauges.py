"""How many instances are open and how many nobody drives, as the read model has them."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from chassis import clock
from execution.driving.gauges import COUNT, STUCK, STUCK_SECONDS

WORKER = UUID(int=77)
GONE = UUID(int=78)
LONG_AGO = timedelta(seconds=10 * STUCK_SECONDS)
INSERT = """
INSERT INTO workflow_instances (
    instance_id, version, blueprint_id, blueprint_version, user_id, status, metadata, created_at, worker_id, resumes_at
) VALUES ($1, 1, $1, 1, 'ada', $2, '{}', $3, $4, $5)
"""


@pytest.fixture
async def worker(rows: asyncpg.Connection) -> UUID:
    """One worker that is known."""
    await rows.execute("INSERT INTO workers (worker_id) VALUES ($1)", WORKER)
    return WORKER


async def test_open_instances_are_counted_by_status(rows: asyncpg.Connection) -> None:
    for number, status in enumerate(("pending", "running", "running", "waiting", "completed", "failed")):
        await rows.execute(INSERT, UUID(int=number), status, clock.now(), None, None)

    assert dict(await rows.fetch(COUNT)) == {"pending": 1, "running": 2, "waiting": 1}


@pytest.mark.parametrize(
    ("status", "age", "driver", "due", "stuck"),
    [
        ("running", LONG_AGO, WORKER, None, 0),
        ("running", LONG_AGO, GONE, None, 1),
        ("pending", LONG_AGO, None, None, 1),
        ("pending", timedelta(), None, None, 0),
        ("waiting", LONG_AGO, None, None, 0),
        ("waiting", LONG_AGO, None, LONG_AGO, 1),
        ("waiting", LONG_AGO, None, -LONG_AGO, 0),
        ("completed", LONG_AGO, GONE, None, 0),
    ],
)
async def test_stuck_is_who_should_run_and_is_not_driven(
    rows: asyncpg.Connection, worker: UUID, status, age, driver, due, stuck
) -> None:
    now = clock.now()

    await rows.execute(INSERT, UUID(int=1), status, now - age, driver, None if due is None else now - due)

    assert await rows.fetchval(STUCK, STUCK_SECONDS) == stuck
