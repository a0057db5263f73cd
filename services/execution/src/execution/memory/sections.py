"""The arbiter of critical sections, in Postgres: who is inside, who queues, who is next."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg

from chassis.ids import plain_id
from execution.middleware.contract import Ticket

ENTER = "SELECT enter_section($1, $2, $3, $4, $5, $6, $7, $8)"
LEAVE = "SELECT *, clock_timestamp() - asked_at AS age FROM leave_section($1)"
TOLD = "UPDATE section_tickets SET told = true WHERE ticket_id = $1"
DRAWN_BY = "SELECT ticket_id FROM section_tickets WHERE instance_id = $1"
UNTOLD = """
SELECT *, clock_timestamp() - asked_at AS age FROM section_tickets
WHERE granted_at < clock_timestamp() - make_interval(secs => $1) AND NOT told ORDER BY granted_at LIMIT $2
"""
LOOK_AT = """
UPDATE section_tickets SET looked_at = clock_timestamp()
WHERE ticket_id IN (
    SELECT ticket_id FROM section_tickets WHERE looked_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY looked_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING *, clock_timestamp() - asked_at AS age
"""
OF_ENDED = """
SELECT *, clock_timestamp() - asked_at AS age FROM section_tickets AS ticket
WHERE EXISTS (
    SELECT 1 FROM workflow_instances AS known WHERE known.instance_id = ticket.instance_id
    AND known.status IN ('completed', 'failed', 'cancelled', 'terminated')
)
LIMIT $1
"""


class PostgresSections:
    """One row for each ticket; every question locks one section for as long as it takes to answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool

    async def enter(self, ticket: Ticket) -> bool:
        """Queue; whether it is inside. Asking again with the same ticket changes nothing."""
        return bool(
            await self.pool.fetchval(
                ENTER,
                ticket.id,
                ticket.section_key,
                ticket.places,
                ticket.owner,
                ticket.instance_id,
                ticket.node_id,
                ticket.visit,
                ticket.scope,
            )
        )

    async def leave(self, ticket_id: UUID) -> Sequence[Ticket]:
        """Give the place back, or leave the queue; answers who is inside from now on and must be told."""
        return await self.tickets(LEAVE, ticket_id)

    async def told(self, ticket_id: UUID) -> None:
        """Its instance knows that it is inside."""
        await self.pool.execute(TOLD, ticket_id)

    async def drawn_by(self, instance_id: UUID) -> Sequence[UUID]:
        """The ids of all tickets of an instance."""
        return [plain_id(row["ticket_id"]) for row in await self.pool.fetch(DRAWN_BY, instance_id)]

    async def untold(self, seconds: float, limit: int) -> Sequence[Ticket]:
        """Tickets inside for so long whose instance has not been told."""
        return await self.tickets(UNTOLD, seconds, limit)

    async def to_look_at(self, seconds: float, limit: int) -> Sequence[Ticket]:
        """Tickets that nobody has looked at for so long, and those of instances that have ended."""
        return [*await self.tickets(LOOK_AT, seconds, limit), *await self.tickets(OF_ENDED, limit)]

    async def tickets(self, statement: str, *values: object) -> list[Ticket]:
        """The tickets that a statement finds."""
        return [_ticket(row) for row in await self.pool.fetch(statement, *values)]


def _ticket(row: asyncpg.Record) -> Ticket:
    age: timedelta = row["age"]
    return Ticket(
        id=plain_id(row["ticket_id"]),
        section_key=row["section_key"],
        places=row["places"],
        owner=row["owner"],
        instance_id=plain_id(row["instance_id"]),
        node_id=row["node_id"],
        visit=row["visit"],
        scope=row["scope"],
        age=age,
    )
