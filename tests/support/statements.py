"""Which statements a service sends to Postgres about one thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

FREE_SECONDS = 0.3
"""A connection that is not free by then is kept by somebody for good, and reads nothing for callers."""


@dataclass
class Statements:
    """Everything that was sent over the connections of a pool, in order."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    def hear(self, query: Any) -> None:
        """One statement, with its values."""
        self.sent.append((query.query, query.args))

    @contextmanager
    def about(self, thing: UUID) -> Iterator[list[str]]:
        """The texts of the statements with this id among their values that are sent meanwhile."""
        texts: list[str] = []
        before = len(self.sent)
        yield texts
        texts += [text for text, values in self.sent[before:] if str(thing) in repr(values)]


async def statements_of(pool: asyncpg.Pool) -> Statements:
    """From now on, whatever is sent over connections that are free right now; the pool opens no others."""
    heard = Statements()
    free = []
    try:
        while True:
            free.append(await pool.acquire(timeout=FREE_SECONDS))
    except TimeoutError:
        pass
    for connection in free:
        connection.add_query_logger(heard.hear)
        await pool.release(connection)
    return heard
