"""API keys as they are asked about: lists without what opens them, and whose key somebody has."""

from collections.abc import Mapping
from typing import Any

from access.collaborators import Collaborators
from access.domain.api_keys import not_found
from access.domain.rights import check_self_or_deployment_admin
from access.domain.users import stranger, user_ref
from chassis import clock
from chassis.answering import Answerer
from chassis.paging import moment_cursor, read_moment_cursor
from contracts.api_keys import ApiKeyPage, ApiKeyView, FindApiKey, ListApiKeys, PrincipalView
from contracts.message import Request

PAGE = """
SELECT key_id, name, owner_id, scopes, teams, created_at, expires_at, revoked_at FROM api_keys
WHERE owner_id = $2 AND ($3::timestamptz IS NULL OR (created_at, key_id) < ($3, $4))
ORDER BY created_at DESC, key_id DESC LIMIT $1
"""


async def find(query: FindApiKey, at: Collaborators) -> PrincipalView:
    """Whose key it is and what it may be used for; never stale, because the ledger itself is asked."""
    key = await at.api_keys.find(query.key_id)
    if key is None:
        raise not_found()
    key.check_opens(query.digest, clock.now())
    owner = await at.users.find(user_ref(key.owner_id))
    return key.principal(stranger(key.owner_id) if owner is None else owner.principal())


async def list_api_keys(query: ListApiKeys, at: Collaborators) -> ApiKeyPage:
    """One's own, newest first, or somebody else's for the deployment's admin."""
    owner_id = query.caller.user_id if query.owner_id is None else query.owner_id
    check_self_or_deployment_admin(query.caller, owner_id)
    after = (None, None) if query.cursor is None else read_moment_cursor(query.cursor)
    found = await at.rows.fetch(PAGE, query.limit + 1, owner_id, *after)
    shown = found[: query.limit]
    more = len(found) > len(shown)
    next_cursor = moment_cursor(shown[-1]["created_at"], shown[-1]["key_id"]) if more else None
    return ApiKeyPage(items=tuple(map(_view, shown)), next_cursor=next_cursor)


def _view(row: Mapping[str, Any]) -> ApiKeyView:
    return ApiKeyView(
        id=row["key_id"],
        name=row["name"],
        owner_id=row["owner_id"],
        scopes=tuple(row["scopes"]),
        teams=None if row["teams"] is None else tuple(row["teams"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


QUERIES: Mapping[type[Request], Answerer] = {FindApiKey: find, ListApiKeys: list_api_keys}
