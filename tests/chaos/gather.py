"""Gathers the evidence once all is at rest: ledgers, read models, dead letters, what metrics counted."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from headrace.permissions import OPERATOR
from headrace.rebuilding import rebuild
from headrace.services import LEDGERS, MIGRATIONS
from tests.chaos.evidence import Evidence, Fact, Row
from tests.chaos.servers import NAMESPACE
from tests.chaos.world import World

SETTLE_SECONDS = 150.0
SETTLE_WITH_BUGS_SECONDS = 8.0
"""What a planted bug has lost never ends."""
STILL_SECONDS = 2.0
"""Nothing has moved for so long."""
POLL_SECONDS = 0.5
REBUILD_TRIES = 3

OWN_PROJECTION = "instances"

EVENTS = """
SELECT notification_id, originator_id::text, originator_version, topic, state, event_id::text
FROM events ORDER BY notification_id
"""
POSITIONS = "SELECT notification_id, event_id::text FROM events"
ROWS = "SELECT instance_id::text, status, output::text, version, blueprint_id::text FROM workflow_instances"
UNSETTLED = """
SELECT count(*) FROM workflow_instances
WHERE status IN ('pending', 'running') OR (status = 'waiting' AND resumes_at IS NOT NULL)
"""
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
BEHIND = "SELECT projection, source, position FROM checkpoints"
COUNTED = "SELECT instance_id::text, status FROM execution_metrics"
BLUEPRINTS = "SELECT DISTINCT originator_id::text FROM events WHERE topic = 'BlueprintCreated'"
LETTERS = "SELECT projection, payload, error FROM dead_letters"


async def settled(world: World) -> bool:
    """Wait until nothing is under way and every projection is at its ledger's end; whether it came to that."""
    loop = asyncio.get_running_loop()
    patience = SETTLE_WITH_BUGS_SECONDS if world.stack.bugs else SETTLE_SECONDS
    deadline, still_since, before = loop.time() + patience, loop.time(), None
    while loop.time() < deadline:
        try:
            now = await _standing(world)
        except (OSError, asyncpg.PostgresError):
            now = None
        if now is None or now != before or any(now[2]):
            before, still_since = now, loop.time()
        elif loop.time() - still_since >= STILL_SECONDS:
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _standing(world: World) -> tuple[Any, ...]:
    heads: dict[str, int] = {}
    positions: list[tuple[str, str, int]] = []
    for service in MIGRATIONS:
        async with world.database(service) as connection:
            if service in LEDGERS:
                heads[service] = await connection.fetchval(HEAD)
            positions += [tuple(row) for row in await connection.fetch(BEHIND)]
            if service == "execution":
                unsettled = await connection.fetchval(UNSETTLED)
    # A foreign projection that is brought milestones alone stops at the last of these.
    behind = [name for name, _, position in positions if name == OWN_PROJECTION and position < heads["execution"]]
    return sorted(heads.items()), sorted(positions), (unsettled, *behind)


async def gathered(world: World) -> Evidence:
    """Everything that is recorded and shown; what clients and watchers know is added by whoever has it."""
    evidence = Evidence(gathered_at=datetime.now(UTC).isoformat())
    evidence.heads = {service: max(found, default=0) for service, found in (await ledgers(world)).items()}
    letters: list[tuple[str, bytes, str]] = []
    for service in MIGRATIONS:
        async with world.database(service) as connection:
            letters += [(row[0], row[1], row[2]) for row in await connection.fetch(LETTERS)]
    async with world.database("execution") as connection:
        evidence.facts = [_fact(row) for row in await connection.fetch(EVENTS)]
        evidence.rows = {
            row[0]: Row(row[1], None if row[2] is None else json.loads(row[2]), row[3], row[4])
            for row in await connection.fetch(ROWS)
        }
    async with world.database("metrics") as connection:
        evidence.counted = {row[0]: row[1] for row in await connection.fetch(COUNTED)}
    async with world.database("blueprint") as connection:
        evidence.blueprints = frozenset(row[0] for row in await connection.fetch(BLUEPRINTS))
    evidence.dead_letters = letters
    evidence.live = await _read_models(world)
    evidence.rebuilt = await _rebuilt(world)
    return evidence


async def ledgers(world: World) -> dict[str, dict[int, str]]:
    """Every position that is taken, and by which event."""
    found: dict[str, dict[int, str]] = {}
    for service in LEDGERS:
        async with world.database(service) as connection:
            found[service] = {row[0]: row[1] for row in await connection.fetch(POSITIONS)}
    return found


async def _rebuilt(world: World) -> dict[str, list[str]]:
    """Every read model again, after each has been made anew."""
    for service in MIGRATIONS:
        for attempt in range(REBUILD_TRIES):
            try:
                await rebuild(world.stack.servers.nats_direct(OPERATOR)[0], NAMESPACE, service, None)
                break
            except Exception:
                if attempt == REBUILD_TRIES - 1:
                    raise
                await asyncio.sleep(POLL_SECONDS)
    return await _read_models(world)


async def _read_models(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for service, tables in read_models().items():
        async with world.database(service) as connection:
            for table in tables:
                rows = await connection.fetch(f"SELECT * FROM {table}")
                found[f"{service}.{table}"] = sorted(str(tuple(row)) for row in rows)
    return found


def read_models() -> dict[str, tuple[str, ...]]:
    """The tables of every projection, by service."""
    from access.projections.holdings import Holdings
    from blueprint.projections import BlueprintsProjection
    from execution.known_access import KnownAccess
    from execution.projections import Instances, KnownVersions
    from metrics.projections import BlueprintNames, Executions

    return {
        "blueprint": BlueprintsProjection.tables,
        "access": Holdings.tables,
        "execution": (*Instances.tables, *KnownVersions.tables, *KnownAccess.tables),
        "metrics": (*Executions.tables, *BlueprintNames.tables),
    }


def _fact(row: asyncpg.Record) -> Fact:
    try:
        body = orjson.loads(row[4])
    except orjson.JSONDecodeError:
        body = {}
    return Fact(row[0], row[1], row[2], row[3], body if isinstance(body, dict) else {}, row[5] or "")
