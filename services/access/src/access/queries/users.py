"""Users as they are asked about: lists, one of them, and who a token's subject is."""

from collections.abc import Mapping
from typing import Any

from access.collaborators import Collaborators
from access.domain.rights import check_admin_of, check_deployment_admin, check_self_or_deployment_admin
from access.domain.users import not_registered, roles_seen_by, stranger, user_ref
from access.names import open_names
from chassis.answering import Answerer
from chassis.paging import moment_cursor, read_moment_cursor
from contracts.access import GetUser, ListUsers, RoleHeld, UserPage, UserView
from contracts.api_keys import FindPrincipal, PrincipalView
from contracts.message import Caller, Request

SHOWN = """
SELECT u.user_ref, u.user_id, u.sealed_display_name, u.active, u.erased, u.created_at,
       ARRAY(SELECT r.team_id FROM user_roles AS r WHERE r.user_ref = u.user_ref ORDER BY r.team_id, r.role) AS teams,
       ARRAY(SELECT r.role FROM user_roles AS r WHERE r.user_ref = u.user_ref ORDER BY r.team_id, r.role) AS roles
FROM users AS u
"""
ONE = f"{SHOWN} WHERE u.user_ref = $1"
PAGE = f"""
{SHOWN}
WHERE ($2::timestamptz IS NULL OR (u.created_at, u.user_ref) < ($2, $3))
  AND ($4::text IS NULL OR EXISTS (SELECT FROM user_roles AS r WHERE r.user_ref = u.user_ref AND r.team_id = $4))
ORDER BY u.created_at DESC, u.user_ref DESC LIMIT $1
"""


async def find_principal(query: FindPrincipal, at: Collaborators) -> PrincipalView:
    """Who a token's subject is here; never stale, because the ledger itself is asked."""
    user = await at.users.find(user_ref(query.user_id))
    return stranger(query.user_id) if user is None else user.principal()


async def get(query: GetUser, at: Collaborators) -> UserView:
    """One user."""
    check_self_or_deployment_admin(query.caller, query.user_id)
    found = await at.rows.fetch(ONE, user_ref(query.user_id))
    if not found:
        raise not_registered(query.user_id)
    return (await _views(found, query.caller, at))[0]


async def list_users(query: ListUsers, at: Collaborators) -> UserPage:
    """Everybody, or those who have a role in a team, newest first."""
    if query.team_id is None:
        check_deployment_admin(query.caller)
    else:
        check_admin_of(query.caller, query.team_id)
    after = (None, None) if query.cursor is None else read_moment_cursor(query.cursor)
    found = await at.rows.fetch(PAGE, query.limit + 1, *after, query.team_id)
    shown = found[: query.limit]
    more = len(found) > len(shown)
    next_cursor = moment_cursor(shown[-1]["created_at"], shown[-1]["user_ref"]) if more else None
    return UserPage(items=await _views(shown, query.caller, at), next_cursor=next_cursor)


async def _views(rows: list[Any], caller: Caller, at: Collaborators) -> tuple[UserView, ...]:
    names = await open_names(at.keys, {row["user_ref"]: row["sealed_display_name"] for row in rows})
    return tuple(_view(row, names.get(row["user_ref"]), caller) for row in rows)


def _view(row: Mapping[str, Any], display_name: str | None, caller: Caller) -> UserView:
    held = zip(row["teams"], row["roles"], strict=True)
    roles = tuple(RoleHeld(team_id=team_id, role=role) for team_id, role in held)
    return UserView(
        user_id=row["user_id"],
        display_name=display_name,
        active=row["active"],
        erased=row["erased"],
        roles=roles_seen_by(caller, row["user_id"], roles),
        created_at=row["created_at"],
    )


QUERIES: Mapping[type[Request], Answerer] = {
    FindPrincipal: find_principal,
    GetUser: get,
    ListUsers: list_users,
}
