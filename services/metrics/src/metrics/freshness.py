"""How far the rows have come: up to now when everything published is counted, else up to the last fact heard."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asyncpg import Pool
from nats.errors import Error

from chassis.clock import now
from chassis.projection_runner import ProjectionRunner

PATIENCE_SECONDS = 0.5
"""How long an answer waits for the rows to show what was published when it was asked for."""
PUBLISHED_WITHIN = timedelta(seconds=0.5)
"""From a fact's timestamp to its place in the stream: older facts than that never come after newer ones."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""What is known before anything was heard: nothing at all."""

KNOWN_UNTIL = "SELECT until FROM known"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Tells up to when the rows of one projection are complete, in whichever process it is written."""

    runner: ProjectionRunner
    pool: Pool

    async def as_of(self) -> datetime:
        """A time before which nothing happened that is not in the rows; half a second ago unless they lag."""
        asked_at = now()
        if await self._caught_up():
            return asked_at - PUBLISHED_WITHIN
        heard_until = await self.pool.fetchval(KNOWN_UNTIL) or BEGINNING
        return min(heard_until, asked_at) - PUBLISHED_WITHIN

    async def _caught_up(self) -> bool:
        try:
            return await self.runner.caught_up(PATIENCE_SECONDS)
        except Error:
            return False
