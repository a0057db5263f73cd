"""Facts in the ledger that this code has never seen: from the future, from the past, from nowhere."""

import json
from random import Random
from uuid import UUID, uuid4

import asyncpg

from chassis.postgres import lock_key
from headrace.services import LEDGERS
from tests.chaos.world import CannotInject, World

LOCK = "SELECT pg_advisory_xact_lock($1)"
INSERT = """
INSERT INTO events (originator_id, originator_version, topic, state, event_id) VALUES ($1, $2, $3, $4, $5)
"""
A_SHORT_LIFE = """
SELECT originator_id FROM events WHERE topic = 'InstanceCompleted' AND originator_version < 20
ORDER BY notification_id DESC LIMIT 1
"""
LIFE = "SELECT originator_version, topic, state FROM events WHERE originator_id = $1 ORDER BY originator_version"
ADDED_LATER = ("parent", "fell_back", "scope", "duration_ms")
"""Members that events of before do not have."""


async def _record(connection: asyncpg.Connection, service: str, rows: list[tuple[UUID, int, str, bytes, UUID]]) -> None:
    async with connection.transaction():
        await connection.execute(LOCK, lock_key("ledger", service))
        for row in rows:
            await connection.execute(INSERT, *row)


async def unreadable(world: World, chance: Random) -> None:
    """A fact that lacks what it needs, one of an unknown kind, one that is no JSON: every projection stumbles.

    None of a newer version: code that is too old for a fact stops before it, until somebody upgrades it.
    """
    payloads = (
        ("InstanceCompleted", json.dumps({"timestamp": "2030-01-01T00:00:00Z", "by": "chaos"})),
        ("SomethingNew", json.dumps({"timestamp": "2030-01-01T00:00:00Z", "by": "chaos"})),
        ("InstanceStarted", "chaos is no JSON"),
    )
    for service in LEDGERS:
        async with world.database(service) as connection:
            rows = [(uuid4(), 1, topic, payload.encode(), uuid4()) for topic, payload in payloads]
            await _record(connection, service, rows)


async def of_an_older_version(world: World, chance: Random) -> None:
    """A whole life as code of before recorded it, beside what is recorded now."""
    async with world.database("execution") as connection:
        model = await connection.fetchval(A_SHORT_LIFE)
        if model is None:
            raise CannotInject("no run had completed yet")
        instance = uuid4()
        rows = []
        for version, topic, state in await connection.fetch(LIFE, model):
            body = {name: value for name, value in json.loads(state).items() if name not in ADDED_LATER}
            if topic == "InstanceRequested":
                body["metadata"] = {}
            rows.append((instance, version, topic, json.dumps(body).encode(), uuid4()))
        await _record(connection, "execution", rows)
