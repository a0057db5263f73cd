"""Quotas as they stand."""

from collections.abc import Mapping

from access.collaborators import Collaborators
from chassis.answering import Answerer
from contracts.message import Request
from contracts.quotas import ListQuotas, QuotaList, QuotaView
from contracts.roles import administers

SHOWN = """
SELECT kind, owner, executions_per_day, concurrent_executions, tokens_per_day, cost_per_day, updated_at FROM quotas
WHERE $1 OR (kind = 'user' AND owner = $2) OR (kind = 'team' AND owner = ANY($3::text[]))
ORDER BY kind, owner
"""


async def list_quotas(query: ListQuotas, at: Collaborators) -> QuotaList:
    """All of them for the deployment's admin, else the caller's own and the caller's teams'."""
    caller = query.caller
    found = await at.rows.fetch(SHOWN, administers(caller), caller.user_id, list(caller.teams))
    return QuotaList(items=tuple(QuotaView(**dict(row)) for row in found))


QUERIES: Mapping[type[Request], Answerer] = {ListQuotas: list_quotas}
