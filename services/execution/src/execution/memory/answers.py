"""The shared memory of answers, in Postgres: losing it loses no fact."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import orjson

from chassis.ids import plain_id
from execution.middleware.contract import Awaited, Question, Remembered

RECALL = "SELECT output, instance_id, took_ms, tokens, cost, awaited FROM recall_answer($1, $2, $3, $4, $5)"
REMEMBER = """
WITH mine AS (DELETE FROM cache_fills WHERE cache_key = $1 AND filler = $2 RETURNING cache_key)
INSERT INTO cache_entries
    (cache_key, blueprint_id, node_id, output, instance_id, took_ms, tokens, cost, expires_at)
SELECT cache_key, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + make_interval(secs => $10) FROM mine
ON CONFLICT (cache_key) DO UPDATE
SET output = excluded.output, instance_id = excluded.instance_id, took_ms = excluded.took_ms,
    tokens = excluded.tokens, cost = excluded.cost, expires_at = excluded.expires_at
"""
GIVE_UP = "DELETE FROM cache_fills WHERE cache_key = $1 AND filler = $2"
CLEAR = """
WITH begun AS (
    DELETE FROM cache_fills WHERE blueprint_id = $1 AND ($2::text IS NULL OR node_id = $2)
), cleared AS (
    DELETE FROM cache_entries WHERE blueprint_id = $1 AND ($2::text IS NULL OR node_id = $2) RETURNING expires_at
)
SELECT count(*) FROM cleared WHERE expires_at > clock_timestamp()
"""
FORGET_EXPIRED = """
WITH begun AS (DELETE FROM cache_fills WHERE expires_at < clock_timestamp() - interval '1 day')
DELETE FROM cache_entries WHERE expires_at <= clock_timestamp()
"""


class PostgresAnswers:
    """One row for each answer, and one for each that is being worked out."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool

    async def recall(self, question: Question) -> Remembered | Awaited | None:
        """What is remembered; else who works it out, or None: the asker does so from now on."""
        row = await self.pool.fetchrow(
            RECALL, question.key, question.filler, question.blueprint_id, question.node_id, question.lease_seconds
        )
        if row["output"] is not None:
            given_by = plain_id(row["instance_id"])
            return Remembered(orjson.loads(row["output"]), given_by, row["took_ms"], row["tokens"], row["cost"])
        return None if row["awaited"] is None else Awaited(timedelta(seconds=row["awaited"]))

    async def remember(self, question: Question, answer: Remembered, ttl_seconds: float) -> None:
        """Keep what the asker has worked out, unless its lease went to another or the memory was cleared since."""
        await self.pool.execute(
            REMEMBER,
            question.key,
            question.filler,
            question.blueprint_id,
            question.node_id,
            orjson.dumps(answer.output),
            answer.instance_id,
            answer.took_ms,
            answer.tokens,
            answer.cost,
            ttl_seconds,
        )

    async def give_up(self, key: str, filler: UUID) -> None:
        """The asker will not answer: the next one may try."""
        await self.pool.execute(GIVE_UP, key, filler)

    async def clear(self, blueprint_id: UUID, node_id: str | None) -> int:
        """Forget the answers of a blueprint, or only those of one node; what is being worked out is not kept either.

        Answers how many could still have been recalled.
        """
        return int(await self.pool.fetchval(CLEAR, blueprint_id, node_id))

    async def forget_expired(self) -> None:
        """Delete what nobody can recall any more."""
        await self.pool.execute(FORGET_EXPIRED)
