"""Facts that a projection could not take: kept as they came, listed, discarded when somebody has looked at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.ids import derived_id
from chassis.ledger import Recorded

LIST_MAX = 200
"""Letters in one list."""

KEEP = """
INSERT INTO dead_letters (id, projection, source, position, event_id, topic, payload, metadata, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET error = EXCLUDED.error, at = now()
"""
LIST = """
SELECT id, projection, source, position, event_id, topic, payload, metadata, error, at
FROM dead_letters WHERE discarded_at IS NULL AND ($1::text IS NULL OR projection = $1) ORDER BY at DESC, id LIMIT $2
"""
COUNT = "SELECT count(*) FROM dead_letters WHERE discarded_at IS NULL AND ($1::text IS NULL OR projection = $1)"
DISCARD = """
UPDATE dead_letters SET discarded_at = now(), discarded_reason = $2
WHERE id = ANY($1::uuid[]) AND discarded_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One fact put aside by one projection, and why. `position` is 0 for a message that no relay published."""

    id: UUID
    projection: str
    source: str
    position: int
    event_id: UUID
    topic: str
    payload: bytes
    metadata: bytes | None
    error: str
    at: datetime


async def keep(
    connection: asyncpg.Connection, projection: str, source: str, failures: Sequence[tuple[Recorded, str]]
) -> None:
    """Put facts aside with the error each caused, in the running transaction; a second time changes nothing."""
    rows = [
        (
            derived_id("dead letter", projection, str(recorded.event_id)),
            projection,
            source,
            recorded.position,
            recorded.event_id,
            recorded.topic,
            recorded.state,
            recorded.metadata,
            error,
        )
        for recorded, error in failures
    ]
    await connection.executemany(KEEP, rows)


async def dead_letters(
    connection: asyncpg.Connection, projection: str | None = None, limit: int = LIST_MAX
) -> list[DeadLetter]:
    """The newest first, of one projection or of all in the schema."""
    return [DeadLetter(**row) for row in await connection.fetch(LIST, projection, min(limit, LIST_MAX))]


async def count(connection: asyncpg.Connection, projection: str | None = None) -> int:
    """How many are kept, of one projection or of all in the schema."""
    return int(await connection.fetchval(COUNT, projection))


async def discard(connection: asyncpg.Connection, ids: Sequence[UUID], reason: str) -> int:
    """List these letters no more, and remember why; answers how many there were.

    The row stays, so that a rebuild which meets the fact again does not list it again.
    """
    return int((await connection.execute(DISCARD, list(ids), reason)).split()[-1])
