"""The one way in which recorded facts are ever changed: content that has to be forgotten is put out of them."""

from collections.abc import Sequence

import asyncpg

from chassis.ledger import Recorded

OVERWRITE = """
UPDATE events SET topic = forgotten.topic, state = forgotten.state
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) AS forgotten(stream_id, version, topic, state)
WHERE originator_id = forgotten.stream_id AND originator_version = forgotten.version
"""


async def overwrite(pool: asyncpg.Pool, facts: Sequence[Recorded]) -> None:
    """Put these in the place of what is recorded there, all or none; their places and ids stay as they are.

    Whoever has read, published or archived them before keeps what they were: see to that first.
    """
    if facts:
        columns = zip(*((fact.stream_id, fact.version, fact.topic, fact.state) for fact in facts), strict=True)
        await pool.execute(OVERWRITE, *(list(column) for column in columns))
