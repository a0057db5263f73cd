"""Rates shared by all workers, in Postgres: one row a key, one statement a question (GCRA).

The generic cell rate algorithm remembers for each key when everything let in so far would have arrived at an even
pace. Whoever asks first is let in first, so a queue is served in the order of arrival, over all workers; fairness
between users or teams comes from the limit's scope, which gives each a key of its own.
"""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from execution.middleware.contract import Demand, Grant

TAKE = "SELECT refused, wait, by_key FROM take_places($1, $2, $3, $4, $5, $6)"
CHARGE = "SELECT charge_tokens($1, $2)"
FORGET_IDLE = """
WITH settled AS (
    DELETE FROM rate_reservations WHERE due_at < clock_timestamp() - interval '1 day'
)
DELETE FROM rate_limits WHERE arrives_at < clock_timestamp() - interval '1 day'
"""


class PostgresLimits:
    """The generic cell rate algorithm over a table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool

    async def take(self, demands: Sequence[Demand], place: str) -> Grant:
        """Take a place under each of them, or under none; `place` names who asks, so that asking again is free.

        Free it is for what counts tokens; of executions and nodes every question takes a place.
        """
        # Always in the same order, so that two who ask for the same keys never wait for each other.
        ordered = sorted(demands, key=lambda demand: demand.key)
        row = await self.pool.fetchrow(
            TAKE,
            [demand.key for demand in ordered],
            [demand.per_seconds / demand.limit for demand in ordered],
            [demand.per_seconds for demand in ordered],
            [demand.patience for demand in ordered],
            [demand.tokens for demand in ordered],
            place,
        )
        return Grant(row["refused"], timedelta(seconds=row["wait"]), row["by_key"])

    async def charge(self, place: str, tokens: int) -> None:
        """Put what was really used in the place of what was taken there."""
        await self.pool.execute(CHARGE, place, float(tokens))

    async def forget_idle(self) -> None:
        """Delete what has not been asked for in a day: it holds nobody back."""
        await self.pool.execute(FORGET_IDLE)
