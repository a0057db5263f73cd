"""Taking facts out of a ledger, and putting them back where they were."""

from collections.abc import Collection, Sequence
from dataclasses import astuple
from uuid import UUID

import asyncpg

from chassis.archives import Row
from chassis.ids import plain_id
from chassis.ledger_statements import LOCK

COLUMNS = "notification_id, originator_id, originator_version, topic, state, event_id, metadata"
FACTS = f"""
SELECT {COLUMNS} FROM events WHERE originator_id = ANY($1::uuid[]) AND topic = ANY($2::text[]) ORDER BY notification_id
"""  # noqa: S608 - made of constants
ENDS = """
SELECT DISTINCT ON (originator_id) originator_id, originator_version, notification_id, topic
FROM events WHERE originator_id = ANY($1::uuid[]) ORDER BY originator_id, originator_version DESC
"""
REMOVE = "DELETE FROM events WHERE originator_id = ANY($1::uuid[]) AND topic = ANY($2::text[])"
PUT_BACK = f"""
INSERT INTO events ({COLUMNS}) SELECT * FROM unnest(
    $1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::bytea[], $6::uuid[], $7::bytea[]
) ON CONFLICT (originator_id, originator_version) DO NOTHING
"""  # noqa: S608 - made of constants
THERE = f"""
SELECT {COLUMNS} FROM events WHERE (originator_id, originator_version) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[]))
"""  # noqa: S608, E501 - made of constants
FRAMES = "SELECT DISTINCT originator_id FROM events WHERE originator_id = ANY($1::uuid[]) AND originator_version = 1"


class NotAsBefore(Exception):
    """The ledger does not hold what it held when the archive was written; nothing was changed."""


async def ended_streams(
    connection: asyncpg.Connection, streams: Collection[UUID], endings: Collection[str], up_to: int | None = None
) -> dict[UUID, int]:
    """The streams whose last fact is an ending, not behind the position `up_to`, with its version."""
    return {
        plain_id(row["originator_id"]): row["originator_version"]
        for row in await connection.fetch(ENDS, list(streams))
        if row["topic"] in endings and (up_to is None or row["notification_id"] <= up_to)
    }


async def facts_of(connection: asyncpg.Connection, streams: Collection[UUID], topics: Collection[str]) -> list[Row]:
    """The facts of these kinds in these streams, in the order of the ledger."""
    return [_row(row) for row in await connection.fetch(FACTS, list(streams), list(topics))]


async def remove(
    connection: asyncpg.Connection,
    lock_key: int,
    rows: Sequence[Row],
    endings: Collection[str],
    known: dict[UUID, int],
) -> int:
    """Take these facts out in one transaction, during which nobody writes; answers how many.

    Streams that went on since they were looked at (`known`: their versions) keep theirs. The last fact of a stream is
    an ending and stays, so the ledger keeps its last position.
    """
    topics = sorted({row.topic for row in rows})
    async with connection.transaction():
        await connection.execute(LOCK, lock_key)
        now = await ended_streams(connection, list(known), endings)
        resting = {stream_id for stream_id, version in known.items() if now.get(stream_id) == version}
        expected = sum(row.stream_id in resting for row in rows)
        done = await connection.execute(REMOVE, list(resting), topics)
        removed = int(done.split()[-1])
        if removed != expected:
            raise NotAsBefore(f"{removed} facts were found where {expected} were archived; nothing was taken out")
    return removed


async def put_back(connection: asyncpg.Connection, lock_key: int, rows: Sequence[Row]) -> int:
    """Put facts back at their old places, in one transaction; those that are there already must be the same."""
    streams = sorted({row.stream_id for row in rows})
    async with connection.transaction():
        await connection.execute(LOCK, lock_key)
        framed = {plain_id(row[0]) for row in await connection.fetch(FRAMES, streams)}
        if missing := [stream_id for stream_id in streams if stream_id not in framed]:
            raise NotAsBefore(f"this ledger does not know {missing[0]}: the archive belongs to another one")
        columns = list(zip(*map(astuple, rows), strict=True))
        inserted = int((await connection.execute(PUT_BACK, *columns)).split()[-1])
        found = await connection.fetch(THERE, columns[1], columns[2])
        if {_row(row) for row in found} != set(rows):
            raise NotAsBefore("some of these places in the ledger hold something else; nothing was put back")
    return inserted


def _row(row: asyncpg.Record) -> Row:
    position, stream_id, version, topic, state, event_id, metadata = row
    return Row(position, plain_id(stream_id), version, topic, state, event_id and plain_id(event_id), metadata)
