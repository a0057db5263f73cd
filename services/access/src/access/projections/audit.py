"""The audit log as rows, in the order of its chain."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from chassis.projection import Fact
from contracts.audit import CommandsAudited

DAY = timedelta(days=1)
"""How long a batch is remembered: nobody sends one again after so long."""

INSERT = """
INSERT INTO audit_log (seq, at, action, status, refusal, sealed, key_name, hash)
SELECT * FROM unnest(
    $1::bigint[], $2::timestamptz[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[]
)
"""
REMEMBER = "INSERT INTO audit_batches (batch_id, recorded_at) VALUES ($1, $2)"
FORGET = "DELETE FROM audit_batches WHERE recorded_at < $1"
COLUMNS = ("seq", "at", "action", "status", "refusal", "sealed", "key_name", "hash")


class Audited:
    """The read model of the audit log."""

    name = "audited"
    source = "access"
    reads = (CommandsAudited,)
    tables = ("audit_log", "audit_batches")

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Write the entries of each batch; a batch without any says nothing here."""
        for event in (fact.event for fact in facts):
            if isinstance(event, CommandsAudited) and event.entries:
                columns = ([getattr(entry, column) for entry in event.entries] for column in COLUMNS)
                await rows.execute(INSERT, *columns)
                await rows.execute(REMEMBER, event.batch_id, event.timestamp)
                await rows.execute(FORGET, event.timestamp - DAY)
