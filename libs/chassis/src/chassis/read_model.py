"""The rows of a service, and the promise that whoever asks sees what was recorded before."""

from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from contracts.refusal import Unavailable

FRESH_SECONDS = 2.0
"""How long a reader waits until the rows show everything that was recorded before it asked."""
RETRY_AFTER_SECONDS = 1.0


class Freshness(Protocol):
    """Knows whether the rows show what the ledger holds."""

    async def caught_up(self, timeout: float) -> bool:
        """Whether they do within `timeout` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class ReadModel:
    """The rows of one projection."""

    pool: asyncpg.Pool
    freshness: Freshness

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows as of now or later; `Unavailable` when they lag behind the ledger for too long."""
        if not await self.freshness.caught_up(FRESH_SECONDS):
            detail = f"The read model has been behind for more than {FRESH_SECONDS:g} s: ask again in a moment."
            raise Unavailable("read_model_behind", detail, retry_after_seconds=RETRY_AFTER_SECONDS)
        return list(await self.pool.fetch(statement, *arguments))
