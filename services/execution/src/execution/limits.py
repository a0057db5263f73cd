"""Rates shared by all workers, in Postgres: one row a key, one statement a question (GCRA)."""

from datetime import timedelta

import asyncpg

from execution.middleware.contract import Grant

TAKE = """
INSERT INTO rate_limits AS known (limit_key, arrives_at, refused)
VALUES ($1, clock_timestamp() + $2::interval, false)
ON CONFLICT (limit_key) DO UPDATE SET
    refused = NOT $4 AND greatest(known.arrives_at, clock_timestamp()) + $2 - clock_timestamp() > $3,
    arrives_at = CASE
        WHEN NOT $4 AND greatest(known.arrives_at, clock_timestamp()) + $2 - clock_timestamp() > $3
        THEN known.arrives_at
        ELSE greatest(known.arrives_at, clock_timestamp()) + $2
    END
RETURNING refused, arrives_at - clock_timestamp() AS ahead
"""
"""`arrives_at` is when everything let in so far would have arrived at an even pace."""


FORGET_IDLE = "DELETE FROM rate_limits WHERE arrives_at < clock_timestamp() - interval '1 hour'"


class PostgresLimits:
    """The generic cell rate algorithm over a table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool

    async def take(self, key: str, limit: int, per_seconds: float, *, queue: bool) -> Grant:
        """Take one place of `limit` per `per_seconds`; with `queue` a place is always given, later if need be."""
        spacing, window = timedelta(seconds=per_seconds / limit), timedelta(seconds=per_seconds)
        row = await self.pool.fetchrow(TAKE, key, spacing, window, queue)
        if row["refused"]:
            return Grant(refused=True, wait=max(row["ahead"] + spacing - window, timedelta(milliseconds=1)))
        return Grant(refused=False, wait=max(row["ahead"] - window, timedelta(0)))

    async def forget_idle(self) -> None:
        """Delete what has not been asked for in an hour: it holds nobody back."""
        await self.pool.execute(FORGET_IDLE)
