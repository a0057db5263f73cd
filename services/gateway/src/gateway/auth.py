"""Who asks: the bearer token of a request, verified and turned into a caller."""

from functools import lru_cache
from typing import Any

import jwt
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from chassis import clock
from chassis.bus import Bus
from contracts.message import Caller
from contracts.refusal import Unauthenticated

ALGORITHM = "HS256"
REALM = "headrace"
MAX_NAME_LENGTH = 255
"""Characters in a user id, a team or a role."""
MAX_TEAMS = 1_000
TOKENS_REMEMBERED = 1_024


class Tokens:
    """Reads tokens `{sub, teams, roles?, exp}` signed with the deployment's secret."""

    def __init__(self, secret: str) -> None:
        """`secret` is the key of the HS256 signature, the same that `headrace token` signs with."""
        self._secret = secret
        # A client sends the same token with every request; verifying it anew takes longer than all else here.
        self._read = lru_cache(TOKENS_REMEMBERED)(self._verified)

    def caller(self, authorization: str | None) -> Caller:
        """The caller that an `Authorization` header names; raises `Unauthenticated` when it does not hold."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "no_token", "This needs a bearer token: send `Authorization: Bearer …` (`headrace token` makes one)."
            )
        caller, expires = self._read(token.strip())
        if expires <= clock.now().timestamp():
            raise Unauthenticated("expired_token", "The token has expired: get a new one (`headrace token`).")
        return caller

    def _verified(self, token: str) -> tuple[Caller, float]:
        """The caller, and until when (seconds since 1970) the token holds."""
        options: Any = {"require": ["sub", "exp"], "verify_exp": False, "verify_iat": False, "verify_aud": False}
        try:
            claims: dict[str, Any] = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options=options)
        except (jwt.PyJWTError, ValueError) as error:
            raise _bad(f"it cannot be verified ({error})") from None
        expires = claims["exp"]
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise _bad("`exp` is not a time in seconds")
        teams, roles = _names(claims.get("teams"), "teams"), _names(claims.get("roles"), "roles")
        return Caller(user_id=_name(claims["sub"], "sub"), teams=teams, roles=roles), expires


async def caller_of(request: Request[Any, Any, Any], bus: NamedDependency[SkipValidation[Bus]]) -> Caller:
    """The dependency `caller` of every endpoint that is not open.

    It asks for `bus` only to come after it: for two that could come at once Litestar opens a task group, which costs
    more than the rest of the request.
    """
    tokens: Tokens = request.app.state.tokens
    return tokens.caller(request.headers.get("authorization"))


def challenge(refusal: Unauthenticated) -> str:
    """The `WWW-Authenticate` header that goes with a 401."""
    if refusal.code == "no_token":
        return f'Bearer realm="{REALM}"'
    return f'Bearer realm="{REALM}", error="invalid_token"'


def _bad(reason: str) -> Unauthenticated:
    return Unauthenticated("bad_token", f"The token does not hold: {reason}. Get a new one (`headrace token`).")


def _name(value: Any, claim: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH or not _printable(value):
        raise _bad(f"`{claim}` must hold text of 1 to {MAX_NAME_LENGTH} characters")
    return value


def _names(value: Any, claim: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TEAMS:
        raise _bad(f"`{claim}` must be a list of at most {MAX_TEAMS:,} names")
    return tuple(_name(item, claim) for item in value)


def _printable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can both keep it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
