"""The two ways to write into the ledger: everything at once, or call by call after looking."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import asyncpg

from chassis.group_commit import Call, Outcome, conflict_of, expected_versions

RECORD = """
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock($1))
INSERT INTO events (originator_id, originator_version, topic, state, event_id, metadata)
SELECT new.stream_id, new.version, new.topic, new.state, new.event_id, new.metadata
FROM lock,
     unnest($2::uuid[], $3::bigint[], $4::text[], $5::bytea[], $6::uuid[], $7::bytea[])
         WITH ORDINALITY AS new (stream_id, version, topic, state, event_id, metadata, place)
WHERE (
    SELECT bool_and((
        SELECT true FROM events
        WHERE originator_id = seen.stream_id AND originator_version = seen.version
    ) IS NOT NULL)
    FROM unnest($8::uuid[], $9::bigint[]) AS seen (stream_id, version)
) IS NOT FALSE
ORDER BY new.place
RETURNING notification_id
"""
"""Records all events, or none when a version is taken (unique violation) or one before it is missing (no rows).

Every row is joined with the lock inside an ordered subquery, and the sequence is drawn outside of it: who draws a
position holds the lock until its commit is visible, so the order of positions is the order of commits.
The check for the version before sees what was committed when the statement began; no caller has seen more than that.
"""

LOCK = "SELECT pg_advisory_xact_lock($1)"

CURRENT = """
SELECT stream_id,
       (SELECT originator_version FROM events WHERE originator_id = stream_id ORDER BY originator_version DESC LIMIT 1)
FROM unnest($1::uuid[]) AS stream_id
"""

ALREADY = """
SELECT wanted.place, notification_id
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) WITH ORDINALITY AS wanted (stream_id, version, event_id, place)
JOIN events ON originator_id = wanted.stream_id AND originator_version = wanted.version
           AND events.event_id = wanted.event_id
"""

PLAN_ONCE = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"
"""Left to itself Postgres plans `RECORD` anew for each commit, which takes it longer than to carry it out.

One plan is kept for the life of the connection: made while the table was small, it must not scan it later.
"""


async def record(connection: asyncpg.Connection, lock_key: int, calls: Sequence[Call]) -> list[int] | None:
    """Record all calls in one statement; answers every event's position, or None when a version before is missing."""
    rows = [
        (append.stream_id, event.version, event.topic, event.state, event.event_id, event.metadata)
        for call in calls
        for append in call
        for event in append.events
    ]
    seen = [(stream_id, version) for stream_id, version in expected_versions(calls).items() if version]
    positions = await connection.fetch(RECORD, lock_key, *_columns(rows, 6), *_columns(seen, 2))
    return [row[0] for row in positions] or None


def ends(calls: Sequence[Call], positions: Sequence[int]) -> list[int]:
    """The position of each call's last event, given those of all events."""
    counts = accumulate(sum(len(append.events) for append in call) for call in calls)
    return [positions[count - 1] for count in counts]


async def settle(connection: asyncpg.Connection, lock_key: int, calls: Sequence[Call]) -> list[Outcome]:
    """Under the lock, find out for each call whether it is recorded already, has lost, or can be recorded now."""
    async with connection.transaction():
        await connection.execute(LOCK, lock_key)
        versions = {row[0]: row[1] or 0 for row in await connection.fetch(CURRENT, list(expected_versions(calls)))}
        outcomes: dict[int, Outcome] = await _already(connection, calls)
        winners = []
        for place, call in enumerate(calls):
            if place in outcomes:
                continue
            if conflict := conflict_of(call, versions):
                outcomes[place] = conflict
            else:
                winners.append(place)
        if winners:
            won = [calls[place] for place in winners]
            positions = await record(connection, lock_key, won)
            outcomes.update(zip(winners, ends(won, positions or ()), strict=True))
    return [outcomes[place] for place in range(len(calls))]


async def _already(connection: asyncpg.Connection, calls: Sequence[Call]) -> dict[int, Outcome]:
    ends = [(call[-1].stream_id, call[-1].events[-1].version, call[-1].events[-1].event_id) for call in calls]
    return {row[0] - 1: row[1] for row in await connection.fetch(ALREADY, *_columns(ends, 3))}


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
