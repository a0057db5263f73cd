"""What callers ask of blueprints walks an index, however many there are."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from blueprint import listing
from blueprint.config_columns import COLUMNS
from blueprint.listing import Listing
from blueprint.queries import GET
from contracts.message import Caller
from tests.support.plans import Planned

BLUEPRINTS, USERS, TEAMS = 8_000, 40, 20
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ID = "lpad(to_hex(n), 32, '0')::uuid"
FILL = (
    f"""
    INSERT INTO workflow_blueprints
    SELECT {ID}, 'user-' || n % {USERS}, CASE WHEN n % 7 = 0 THEN 'team-' || n % {TEAMS} END,
           CASE WHEN n % 7 = 0 THEN 'team' WHEN n % 10 = 0 THEN 'public' ELSE 'private' END, NULL, 1, n % 9 = 0, 0,
           'order ' || n, $1::timestamptz + make_interval(secs => n)
    FROM generate_series(1, {BLUEPRINTS}) AS n
    """,
    f"""
    INSERT INTO workflow_blueprint_versions (
        blueprint_id, version, name, description, is_template, node_count, listed_bytes, recorded_at, recorded_by
    )
    SELECT {ID}, 1, 'order ' || n, '', n % 9 = 0, 3, 100, $1::timestamptz, 'user-1'
    FROM generate_series(1, {BLUEPRINTS}) AS n
    """,
    f"""
    INSERT INTO workflow_nodes
    SELECT {ID}, 1, place, 'n' || place,
           CASE WHEN place = 0 THEN 'start' WHEN n % 500 = 0 THEN 'approval' ELSE 'tool' END, NULL, '{{}}'
    FROM generate_series(1, {BLUEPRINTS}) AS n, generate_series(0, 2) AS place
    WHERE $1::timestamptz IS NOT NULL
    """,
    f"""
    INSERT INTO workflow_edges (blueprint_id, version, ordinal, source, target)
    SELECT {ID}, 1, place, 'n' || place, 'n' || place + 1
    FROM generate_series(1, {BLUEPRINTS}) AS n, generate_series(0, 1) AS place
    WHERE $1::timestamptz IS NOT NULL
    """,
    f"""
    INSERT INTO blueprint_tags SELECT {ID}, 1, 0, 'tag-' || n % 100 FROM generate_series(1, {BLUEPRINTS}) AS n
    WHERE $1::timestamptz IS NOT NULL
    """,
)
TABLES = "workflow_blueprints, workflow_blueprint_versions, workflow_nodes, workflow_edges, blueprint_tags"
CONDITIONS: Mapping[str, tuple[str, tuple[object, ...]]] = {
    "a rare node type": (listing.NODE_TYPE, ("approval",)),
    "a common node type": (listing.NODE_TYPE, ("tool",)),
    "an unknown node type": (listing.NODE_TYPE, ("region",)),
    "a tag": (listing.TAG, ("tag-7",)),
    "a text": (listing.TEXT, ("%order 77%",)),
    "templates": (listing.TEMPLATE, ()),
    "no templates": (listing.NO_TEMPLATE, ()),
    "an owner": (listing.OWNER, ("user-3",)),
    "a team": (listing.TEAM, ("team-7",)),
    "the next page": (listing.AFTER, (NOON, UUID(int=BLUEPRINTS))),
}


@pytest.fixture
async def planned(pool: asyncpg.Pool) -> AsyncIterator[Planned]:
    """Many blueprints of many users, as the planner knows them."""
    async with pool.acquire() as rows:
        async with rows.transaction():
            for statement in FILL:
                await rows.execute(statement, NOON)
        await rows.execute(f"ANALYZE {TABLES}")
        yield Planned(rows)


async def test_getting_one(planned: Planned) -> None:
    for version in (None, 1):
        assert await planned.fetch(GET, UUID(int=77), version, f"user-{77 % USERS}", ())
    assert planned.scanned == set()


async def test_listing_and_searching_them(planned: Planned) -> None:
    scanned = {}
    for name, (condition, values) in CONDITIONS.items():
        planned.scanned.clear()
        asked = Listing(Caller(user_id="user-7", teams=("team-7",)), 50)
        asked.only(condition, *values)
        await planned.fetch(asked.statement(COLUMNS), *asked.arguments())
        scanned[name] = set(planned.scanned)
    assert {case: tables for case, tables in scanned.items() if tables} == {}
