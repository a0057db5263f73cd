"""Who asks: the token or API key of a request, verified, completed with what access says, and turned into a caller."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from chassis import clock
from chassis.bus import Bus
from contracts.api_keys import FindApiKey, PrincipalView, read_key
from contracts.message import Caller
from contracts.refusal import Missing, Unauthenticated
from contracts.roles import EVERYWHERE, ROLES
from gateway.addresses import Proxies
from gateway.auditing import Auditor
from gateway.failures import Failures
from gateway.principals import GATEWAY, Principals, key_name, user_name
from gateway.tokens import Claims, Tokens, check_current
from gateway.visits import SAFE, Visit, visit_of

REALM = "headrace"
KEY_PREFIX = "hr_"
CREDENTIALS_REMEMBERED = 4_096


@dataclass(frozen=True, slots=True)
class Admitted:
    """A credential that was found good, as long as neither it nor what access says has changed."""

    caller: Caller
    name: str
    view: PrincipalView
    claims: Claims | None
    generation: int
    key_id: UUID | None


class Entrance:
    """Decides who comes in. For a credential that was seen before this is a look into two dictionaries."""

    def __init__(self, tokens: Tokens, principals: Principals, proxies: Proxies) -> None:
        """`tokens` reads JWTs, `principals` knows users and keys, `proxies` says whose address is a client's."""
        self._tokens = tokens
        self._principals = principals
        self._proxies = proxies
        self._failures = Failures()
        self._admitted: OrderedDict[str, Admitted] = OrderedDict()

    def known(self, credential: str) -> Admitted | None:
        """Whoever came with this before, when nothing need be asked or verified anew."""
        admitted = self._admitted.get(credential)
        if admitted is None or self._principals.fresh(admitted.name) is not admitted.view:
            return None
        if admitted.claims is not None:
            if admitted.generation != self._tokens.generation:
                return None
            check_current(admitted.claims)
        elif _expired(admitted.view):
            return None
        return admitted

    async def admit(self, credential: str, request: Request[Any, Any, Any]) -> Admitted:
        """Whoever comes with this; raises `Unauthenticated`, or `TooMany` when too much from there did not hold."""
        address = self._proxies.client_of(request.scope)
        visit = visit_of(request.scope)
        try:
            admitted = await self._admit(credential, visit, address)
        except Unauthenticated:
            self._failures.refuse(address)
            self._failures.count(address)
            raise
        self._admitted[credential] = admitted
        self._admitted.move_to_end(credential)
        if len(self._admitted) > CREDENTIALS_REMEMBERED:
            self._admitted.popitem(last=False)
        return admitted

    async def _admit(self, credential: str, visit: Visit, address: str) -> Admitted:
        if credential.startswith(KEY_PREFIX):
            return await self._by_key(credential, visit, address)
        claims = await self._tokens.read(credential)
        generation = self._tokens.generation
        visit.user_id = claims.user_id
        view = await self._principals.user(claims.user_id)
        _must_be_active(view)
        return Admitted(merged(claims, view), user_name(claims.user_id), view, claims, generation, None)

    async def _by_key(self, credential: str, visit: Visit, address: str) -> Admitted:
        found = read_key(credential)
        if found is None:
            raise _bad_key()
        query = FindApiKey(caller=GATEWAY, key_id=found[0], digest=found[1])
        if self._principals.fresh(key_name(query)) is None:
            # Each unknown key costs access a question; whoever has tried too many asks none.
            self._failures.refuse(address)
        try:
            view = await self._principals.key(query)
        except Missing:
            raise _bad_key() from None
        visit.user_id, visit.key_id = view.user_id, query.key_id
        _must_be_active(view)
        if _expired(view):
            raise _bad_key()
        return Admitted(bounded(view), key_name(query), view, None, 0, query.key_id)


async def caller_of(request: Request[Any, Any, Any], bus: NamedDependency[SkipValidation[Bus]]) -> Caller:
    """The dependency `caller` of every endpoint that is not open.

    It asks for `bus` only to come after it: for two that could come at once Litestar opens a task group, which costs
    more than the rest of the request.
    """
    entrance: Entrance = request.app.state.entrance
    credential = credential_in(request.headers.get("authorization"))
    admitted = entrance.known(credential)
    if admitted is None:
        admitted = await entrance.admit(credential, request)
    if request.method not in SAFE:
        visit = visit_of(request.scope)
        visit.user_id, visit.key_id = admitted.caller.user_id, admitted.key_id
        auditor: Auditor = request.app.state.auditor
        auditor.must_have_room()
    return admitted.caller


def credential_in(authorization: str | None) -> str:
    """What stands behind `Bearer`; raises `Unauthenticated`."""
    scheme, _, credential = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated(
            "no_token",
            "This needs a bearer token or an API key: send `Authorization: Bearer …` (`headrace token` makes one).",
        )
    return credential.strip()


def challenge(refusal: Unauthenticated) -> str:
    """The `WWW-Authenticate` header that goes with a 401."""
    if refusal.code == "no_token":
        return f'Bearer realm="{REALM}"'
    return f'Bearer realm="{REALM}", error="invalid_token"'


def merged(claims: Claims, view: PrincipalView) -> Caller:
    """The bearer of a token with the roles that access granted besides; who has a role in a team is a member of it.

    A role that the token gives in each of its teams is none in the teams that come from elsewhere.
    """
    roles = dict.fromkeys((*_placed(claims, view), *_granted(view)))
    teams = dict.fromkeys((*claims.teams, *(team for role in roles if (team := team_of(role)))))
    return Caller(user_id=claims.user_id, teams=tuple(teams), roles=tuple(roles))


def _placed(claims: Claims, view: PrincipalView) -> tuple[str, ...]:
    """The roles of a token, those without a team written out for its own teams where it is given others besides."""
    teams_of_roles = {team_of(role) for role in (*claims.roles, *_granted(view))} - {None}
    if teams_of_roles <= set(claims.teams):
        return claims.roles
    return tuple(
        placed
        for role in claims.roles
        for placed in ((f"{team}:{role}" for team in claims.teams) if role in ROLES else (role,))
    )


def bounded(view: PrincipalView) -> Caller:
    """The owner of an API key, with the roles that access granted within the bounds of the key."""
    roles = [role for role in _granted(view) if view.teams is None or team_of(role) in view.teams]
    teams = dict.fromkeys(team for role in roles if (team := team_of(role)))
    return Caller(user_id=view.user_id, teams=tuple(teams), roles=tuple(roles), scopes=view.scopes)


def team_of(role: str) -> str | None:
    """The team of `team:role`; None for a role of no one team, and for what is no role."""
    team, separator, name = role.rpartition(":")
    if not separator or name not in ROLES or ":" in team or EVERYWHERE in team or not team:
        return None
    return team


def _granted(view: PrincipalView) -> tuple[str, ...]:
    return tuple(f"{held.team_id}:{held.role}" for held in view.roles)


def _must_be_active(view: PrincipalView) -> None:
    if not view.active:
        raise Unauthenticated("user_inactive", "This user has been deactivated; ask an admin of the deployment.")


def _expired(view: PrincipalView) -> bool:
    return view.expires_at is not None and view.expires_at <= clock.now()


def _bad_key() -> Unauthenticated:
    return Unauthenticated(
        "bad_api_key",
        "The API key does not hold: there is none like it, or it is revoked or expired. "
        "Issue a new one (`headrace keys issue`).",
    )
