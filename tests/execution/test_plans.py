"""What callers ask of instances walks an index, however many there are."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis.paging import encode_cursor
from contracts.execution import ListInstances
from contracts.message import Caller
from execution.driving.reconciler import BATCH, UNCLAIMED
from execution.projections import Instances
from execution.reading.instances import page_statement, row_statement
from tests.execution.lives import NOON
from tests.support.plans import Planned

INSTANCES = 20_000
USERS, BLUEPRINTS = 40, 20
FILL = f"""
INSERT INTO workflow_instances (
    instance_id, version, blueprint_id, blueprint_version, user_id, team_id, status, metadata, conversation_id,
    created_at
)
SELECT lpad(to_hex(n), 32, '0')::uuid, 4, lpad(to_hex(n % {BLUEPRINTS}), 32, '0')::uuid, 1, 'user-' || n % {USERS},
       CASE WHEN n % 5 = 0 THEN 'mill' END, CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'completed' END, '{{}}',
       CASE WHEN n % 10 = 0 THEN 'talk-' || n % 500 END, $1::timestamptz + make_interval(secs => n)
FROM generate_series(1, {INSTANCES}) AS n
"""
FILL_LEDGER = """
INSERT INTO events (originator_id, originator_version, topic, state)
SELECT instance_id, written, 'NodeCompleted', '{}' FROM workflow_instances, generate_series(1, 2) AS written
"""
LAST = UUID(int=INSTANCES - 3)
HALF = NOON + timedelta(seconds=INSTANCES / 2)
FILTERS: Mapping[str, dict[str, Any]] = {
    "all": {},
    "status": {"status": "failed"},
    "blueprint": {"blueprint_id": UUID(int=7)},
    "blueprint and status": {"blueprint_id": UUID(int=7), "status": "failed"},
    "conversation": {"conversation_id": "talk-430"},
    "since": {"since": HALF},
    "until, by status": {"until": HALF, "status": "completed"},
    "the next page": {"cursor": encode_cursor(HALF.isoformat(), str(UUID(int=INSTANCES // 2)))},
}


@pytest.fixture
async def planned(rows: asyncpg.Connection) -> Planned:
    """Many instances of many users, as the planner knows them."""
    async with rows.transaction():
        await rows.execute(FILL, NOON)
        await rows.execute(FILL_LEDGER)
    await rows.execute("ANALYZE workflow_instances, events")
    return Planned(rows)


async def test_getting_one(planned: Planned) -> None:
    assert await planned.fetch(row_statement(Instances.reads), LAST, f"user-{LAST.int % USERS}", ())
    assert planned.scanned == set()


async def test_listing_them(planned: Planned) -> None:
    scanned = {}
    for name, filters in FILTERS.items():
        for teams in ((), ("mill",)):
            planned.scanned.clear()
            caller = Caller(user_id="user-7", teams=teams)
            statement, values = page_statement(ListInstances(caller=caller, **filters))
            await planned.fetch(statement, *values)
            scanned[name, teams] = set(planned.scanned)
    assert {case: tables for case, tables in scanned.items() if tables} == {}


async def test_ones_own_runs_of_a_blueprint_by_status(planned: Planned) -> None:
    query = ListInstances(caller=Caller(user_id="user-7"), blueprint_id=UUID(int=7), status="completed")

    statement, values = page_statement(query)
    await planned.fetch(statement, *values)

    assert planned.indexes == {"workflow_instances_user_blueprint"}, "past nobody else's runs"


async def test_the_look_for_starts_that_were_forgotten(planned: Planned) -> None:
    """It is asked for once a second: it walks those that have not ended, not all that ever were."""
    assert await planned.fetch(UNCLAIMED, UUID(int=0), BATCH) == []
    assert planned.scanned == set()
    assert planned.indexes == {"workflow_instances_active"}
