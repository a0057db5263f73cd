"""The shared memory of answers, in Postgres: losing it loses no fact."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from execution.middleware.contract import Remembered

RECALL = "SELECT output, instance_id FROM cache_entries WHERE cache_key = $1 AND expires_at > clock_timestamp()"
REMEMBER = """
INSERT INTO cache_entries (cache_key, output, instance_id, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (cache_key) DO UPDATE
SET output = excluded.output, instance_id = excluded.instance_id, expires_at = excluded.expires_at
"""
FORGET_EXPIRED = "DELETE FROM cache_entries WHERE expires_at <= clock_timestamp()"


class PostgresAnswers:
    """One row for each key."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool

    async def recall(self, key: str) -> Remembered | None:
        """What is remembered under the key and has not expired."""
        row = await self.pool.fetchrow(RECALL, key)
        return None if row is None else Remembered(orjson.loads(row["output"]), UUID(int=row["instance_id"].int))

    async def remember(self, key: str, output: Any, instance_id: UUID, expires_at: datetime) -> None:
        """Keep an answer; a later one replaces it."""
        await self.pool.execute(REMEMBER, key, orjson.dumps(output), instance_id, expires_at)

    async def forget_expired(self) -> None:
        """Delete what nobody can recall any more."""
        await self.pool.execute(FORGET_EXPIRED)
