"""The names of secrets."""

from collections.abc import Mapping

from access.collaborators import Collaborators
from access.domain.secrets import check_may_list
from chassis.answering import Answerer
from contracts.message import Request
from contracts.secrets import ListSecrets, SecretList, SecretView

OF_OWNER = """
SELECT kind, owner, name, version, created_at, updated_at FROM secrets WHERE kind = $1 AND owner = $2 ORDER BY name
"""


async def list_secrets(query: ListSecrets, at: Collaborators) -> SecretList:
    """The caller's own, or a team's for its members and whoever administers it."""
    check_may_list(query.caller, query.team_id)
    place = ("user", query.caller.user_id) if query.team_id is None else ("team", query.team_id)
    found = await at.rows.fetch(OF_OWNER, *place)
    return SecretList(items=tuple(SecretView(**dict(row)) for row in found))


QUERIES: Mapping[type[Request], Answerer] = {ListSecrets: list_secrets}
