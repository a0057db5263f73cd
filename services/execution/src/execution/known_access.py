"""Facts of access to rows: known_secrets, sealed as they were told, known_quotas and known_erasures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import asyncpg

from chassis.projection import Fact
from contracts.access import UserErased
from contracts.message import Event
from contracts.quotas import QuotaSet
from contracts.secrets import SecretDeleted, SecretStored
from execution.projections import write

FORGET_OWNERS = "DELETE FROM known_secrets WHERE kind = 'user' AND owner = ANY($1::text[])"
REMEMBER_ERASED = """
INSERT INTO known_erasures (user_id) SELECT unnest($1::text[]) ON CONFLICT (user_id) DO NOTHING
"""
FORGET = """
DELETE FROM known_secrets AS known USING unnest($1::text[], $2::text[], $3::text[]) AS gone(kind, owner, name)
WHERE known.kind = gone.kind AND known.owner = gone.owner AND known.name = gone.name
"""
KEEP = """
INSERT INTO known_secrets (kind, owner, name, sealed)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (kind, owner, name) DO UPDATE SET sealed = excluded.sealed
"""
LIMIT = """
INSERT INTO known_quotas (
    kind, owner, position, executions_per_day, concurrent_executions, tokens_per_day, cost_per_day
)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::numeric[])
ON CONFLICT (kind, owner) DO UPDATE SET
    position = excluded.position, executions_per_day = excluded.executions_per_day,
    concurrent_executions = excluded.concurrent_executions, tokens_per_day = excluded.tokens_per_day,
    cost_per_day = excluded.cost_per_day
"""

Named = tuple[str, str, str]
"""Kind, owner and name of a secret."""


class KnownAccess:
    """The last word of access on each secret and quota."""

    name = "known_access"
    source = "access"
    reads: tuple[type[Event], ...] = (SecretStored, SecretDeleted, QuotaSet, UserErased)
    tables = ("known_secrets", "known_quotas", "known_erasures")

    async def apply(self, batch: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Keep what was stored last, forget what was deleted or belonged to somebody who was erased."""
        secrets: dict[Named, str | None] = {}
        quotas: dict[tuple[str, str], Fact] = {}
        erased: list[str] = []
        for fact in batch:
            event = fact.event
            if isinstance(event, SecretStored | SecretDeleted):
                stored = event.sealed if isinstance(event, SecretStored) else None
                secrets[event.kind, event.owner, event.name] = stored
            elif isinstance(event, QuotaSet):
                quotas[event.kind, event.owner] = fact
            elif isinstance(event, UserErased):
                erased.append(event.user_id)
                secrets = {key: sealed for key, sealed in secrets.items() if key[:2] != ("user", event.user_id)}
        if erased:
            await rows.execute(FORGET_OWNERS, erased)
            await rows.execute(REMEMBER_ERASED, erased)
        await write(rows, FORGET, (key for key, sealed in secrets.items() if sealed is None))
        await write(rows, KEEP, ((*key, sealed) for key, sealed in secrets.items() if sealed is not None))
        await write(rows, LIMIT, quota_rows(quotas.values()))


def quota_rows(said: Iterable[Fact]) -> Iterator[tuple[Any, ...]]:
    """What the quotas are from now on, with the place where that was said."""
    for fact in said:
        if isinstance(fact.event, QuotaSet):
            limits = fact.event.limits
            yield (
                fact.event.kind,
                fact.event.owner,
                fact.position,
                limits.executions_per_day,
                limits.concurrent_executions,
                limits.tokens_per_day,
                limits.cost_per_day,
            )
