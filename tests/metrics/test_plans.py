"""What callers ask of executions that have ended walks an index, however many there are."""

from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg

from metrics.counting import count_blueprint, count_nodes, count_own_nodes, count_user
from metrics.domain import EVERYONE, Window
from metrics.queries import NAMES
from tests.metrics.facts import NOON
from tests.support.plans import Planned

EXECUTIONS = 20_000
USERS, BLUEPRINTS = 20, 10
STEP_SECONDS = 60
BLUEPRINT = UUID(int=3)
USER = "user-3"
ID = f"lpad(to_hex(n % {BLUEPRINTS}), 32, '0')::uuid"
ENDED = f"$1::timestamptz + make_interval(secs => n * {STEP_SECONDS})"
FILL_EXECUTIONS = f"""
INSERT INTO execution_metrics
SELECT lpad(to_hex(n), 32, '0')::uuid, {ID}, 1, 'user-' || n % {USERS}, NULL, 'completed', {ENDED},
       100, 1, 2, 10, 5, 0.01, 0, 0, 0, 0, ARRAY['start', 'answer'], ARRAY[1.0, 99.0]
FROM generate_series(1, {EXECUTIONS}) AS n
"""
FILL_ROLLUPS = f"""
INSERT INTO execution_rollups
SELECT audience, {ID}, span, date_bin(length, {ENDED}, '2000-01-01Z'), min({ENDED}), max({ENDED}),
       count(*), 0, 0, 100 * count(*), 10 * count(*), 5 * count(*), 0.01 * count(*), 0, 0, 40, ARRAY[count(*)]
FROM generate_series(1, {EXECUTIONS}) AS n,
     (VALUES ('day', interval '1 day'), ('hour', '1 hour'), ('5 minutes', '5 minutes')) AS spans (span, length),
     LATERAL (VALUES (''), ('user-' || n % {USERS})) AS audiences (audience)
GROUP BY 1, 2, 3, 4
"""
FILL_NODES = """
INSERT INTO node_rollups
SELECT blueprint_id, span, starts_at, node_id, 40, ARRAY[completed]
FROM execution_rollups, (VALUES ('start'), ('answer')) AS nodes (node_id) WHERE audience = ''
"""
FILL_NAMES = """
INSERT INTO blueprint_names (blueprint_id, version, name)
SELECT lpad(to_hex(n), 32, '0')::uuid, 1, 'x' FROM generate_series(1, 5000) AS n
"""
TABLES = "execution_metrics, execution_rollups, node_rollups, blueprint_names"
WINDOW = Window(
    NOON + timedelta(hours=7, minutes=33, seconds=7), NOON + timedelta(days=9, hours=3, minutes=2, seconds=1)
)
"""Edges within a day, an hour and five minutes: all that can be looked at is looked at."""


async def filled(rows: asyncpg.Connection) -> Planned:
    """Two weeks of executions, as the planner knows them."""
    async with rows.transaction():
        await rows.execute(FILL_EXECUTIONS, NOON)
        await rows.execute(FILL_ROLLUPS, NOON)
        await rows.execute(FILL_NODES)
        await rows.execute(FILL_NAMES)
    await rows.execute(f"ANALYZE {TABLES}")
    return Planned(rows)


async def test_analytics_and_usage(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as rows:
        planned = await filled(rows)
        connection = cast(asyncpg.Connection, planned)
        counted = await count_blueprint(connection, EVERYONE, BLUEPRINT, WINDOW)
        assert sum(tally.total for _, _, tally in counted.tallies()) > 1_000
        assert set(await count_nodes(connection, BLUEPRINT, counted)) == {"start", "answer"}
        await count_blueprint(connection, USER, BLUEPRINT, WINDOW)
        await count_own_nodes(connection, USER, BLUEPRINT, WINDOW)
        await count_user(connection, USER, WINDOW)
        await planned.fetch(NAMES, [BLUEPRINT], "ada", ["red"])
    assert planned.asked > 10
    assert planned.scanned == set()
