"""What a role in a team allows: the one table that the domain of every service asks."""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from contracts.message import Caller, Capability
from contracts.refusal import Forbidden

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
    return _held(caller.roles, team_id, is_member=team_id in caller.teams)


def may(caller: Caller, capability: Capability, team_id: str | None) -> bool:
    """Whether a member of the team may do so to what belongs to the team; nobody is a member of no team."""
    return team_id is not None and team_id in caller.teams and capability in _allowed(caller.roles, team_id)


def was_given(caller: Caller, capability: Capability, team_id: str | None) -> bool:
    """Whether a role in the team allows it: for what takes more than to be a member."""
    return may(caller, capability, team_id) and bool(roles_in(caller, team_id or ""))


def teams_where(caller: Caller, capability: Capability) -> tuple[str, ...]:
    """The teams in which the caller may do so, each once, in alphabetical order."""
    roles = frozenset(caller.roles)
    return tuple(sorted(team_id for team_id in set(caller.teams) if capability in _allowed(roles, team_id)))


def role_forbids(caller: Caller, capability: Capability, team_id: str, what: str) -> Forbidden:
    """The refusal of one who sees something of a team's and has no role for it; `what` begins the sentence."""
    return Forbidden("role_forbids", missing_role(caller, capability, team_id, what))


def missing_role(caller: Caller, capability: Capability, team_id: str, what: str) -> str:
    """Which role `what` takes, and which the caller has."""
    wanted = " or ".join(role for role in ROLES if capability in ALLOWED[role])
    held = " and ".join(roles_in(caller, team_id)) or "none"
    return f"{what} takes the role {wanted} in team {team_id!r}; yours is {held}: ask an admin of the team."


def administers(caller: Caller, team_id: str | None = None) -> bool:
    """Whether a caller manages access: the team's, or with no team the deployment's, whose admin may do both."""
    if f"{EVERYWHERE}:admin" in caller.roles:
        return True
    return team_id is not None and may(caller, "manage", team_id)


def _held(roles: Collection[str], team_id: str, *, is_member: bool) -> tuple[Role, ...]:
    return tuple(role for role in ROLES if f"{team_id}:{role}" in roles or (is_member and role in roles))


def _allowed(roles: Collection[str], team_id: str) -> frozenset[Capability]:
    held = _held(roles, team_id, is_member=True)
    return frozenset[Capability]().union(*(ALLOWED[role] for role in held)) if held else MEMBER
