"""What a projection is: facts in the order of one ledger, folded into tables that can be thrown away and rebuilt."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from contracts.message import Event


class Fact(NamedTuple):
    """An event with its place in its owner's ledger and the trace and causes it was recorded with."""

    event: Event
    position: int
    event_id: UUID
    metadata: bytes | None = None
    """JSON: `traceparent`, `correlation_id`, `causation_id` where known."""


class Projection(Protocol):
    """Folds the facts of one service into tables of the own schema; the only writer of these tables."""

    @property
    def name(self) -> str:
        """Its checkpoint's name, unique in the schema; part of a consumer's name, so `[a-z0-9_]` only."""
        ...

    @property
    def source(self) -> str:
        """The service whose ledger it follows."""
        ...

    @property
    def reads(self) -> tuple[type[Event], ...]:
        """The events that it folds; the others of its source move its checkpoint and are passed over unread."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables it writes: what a rebuild replaces."""
        ...

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Fold a batch, in order, inside a transaction. Depends on nothing but the facts and the own tables.

        Names tables without a schema, so that a rebuild can point the same statements at shadow tables.
        """
        ...
