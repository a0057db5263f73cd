"""What a role in a team allows: the one table that the domain of every service asks."""

from collections.abc import Mapping
from typing import Literal, get_args

from contracts.message import Caller, Capability

Role = Literal["viewer", "operator", "editor", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
EVERYWHERE = "*"
"""In place of a team: a role in the deployment itself. Its admin manages access, and sees nobody's work for it."""

ALLOWED: Mapping[Role, frozenset[Capability]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "execute", "steer"}),
    "editor": frozenset({"read", "execute", "edit"}),
    "admin": frozenset({"read", "execute", "steer", "edit", "manage"}),
}
MEMBER: frozenset[Capability] = frozenset({"read", "execute", "steer"})
"""Whoever a token names as a member without saying in which role."""


def roles_in(caller: Caller, team_id: str) -> tuple[Role, ...]:
    """The roles that a caller has in one team; a role without a team (`editor`) is one in each team of the caller's."""
    is_member = team_id in caller.teams
    return tuple(role for role in ROLES if f"{team_id}:{role}" in caller.roles or (is_member and role in caller.roles))


def may(caller: Caller, capability: Capability, team_id: str | None) -> bool:
    """Whether a member of the team may do so to what belongs to the team; nobody is a member of no team."""
    if team_id is None or team_id not in caller.teams:
        return False
    roles = roles_in(caller, team_id)
    return any(capability in ALLOWED[role] for role in roles) if roles else capability in MEMBER


def administers(caller: Caller, team_id: str | None = None) -> bool:
    """Whether a caller manages access: the team's, or with no team the deployment's, whose admin may do both."""
    if f"{EVERYWHERE}:admin" in caller.roles:
        return True
    return team_id is not None and may(caller, "manage", team_id)
