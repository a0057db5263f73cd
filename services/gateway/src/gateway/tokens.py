"""Bearer tokens (JWT): verified with the deployment's secret or its identity provider's keys, and read strictly."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from chassis import clock
from chassis.settings import BadSettings, Settings
from contracts.refusal import Unauthenticated
from contracts.roles import EVERYWHERE
from gateway.signing_keys import ALGORITHMS, SigningKeys

SHARED = "HS256"
"""The algorithm of tokens that are signed with a shared secret, and the only one that the secret ever verifies."""
SECRET_BYTES_MIN = 32
"""What HS256 asks for (RFC 7518): shorter keys can be guessed from a single token."""
MAX_NAME_LENGTH = 255
"""Characters in a user id, a team or a role."""
MAX_TEAMS = 1_000
TOKENS_REMEMBERED = 1_024
LEEWAY_SECONDS = 10
"""How far the clock of whoever signs may be from ours."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of its bearer, and until when (seconds since 1970)."""

    user_id: str
    teams: tuple[str, ...]
    roles: tuple[str, ...]
    expires: float


class UnknownKey(Exception):
    """The token names a key that is not known (yet)."""


class Tokens:
    """Reads tokens `{sub, teams, roles?, exp}`. The algorithm decides which key verifies one, and only one does."""

    def __init__(
        self,
        secret: str | None,
        keys: SigningKeys | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> None:
        """`secret` verifies HS256 and `keys` RS256 and ES256; what is not there lets nobody in."""
        self._secret = secret
        self._keys = keys
        self._expected: dict[str, Any] = {"audience": audience, "issuer": issuer}
        self._options: Any = {
            "require": ["sub", "exp"],
            "verify_aud": audience is not None,
            "verify_iss": issuer is not None,
            # By the one clock of the house, below; `exp` with every request, for what is read is remembered.
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        # A client sends the same token with every request; verifying it anew takes longer than all else here.
        self._read = lru_cache(TOKENS_REMEMBERED)(self._verified)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Tokens":
        """As the deployment chose; raises `BadSettings` when it chose nothing that could let anybody in."""
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
        if not secret and not settings.jwt_jwks:
            raise BadSettings(
                "HEADRACE_JWT_SECRET is not set; the gateway needs the key that tokens are signed with "
                "(or HEADRACE_JWT_JWKS, where an identity provider signs them)"
            )
        if secret and settings.production and len(secret.encode()) < SECRET_BYTES_MIN:
            raise BadSettings(f"HEADRACE_JWT_SECRET is too short for production; use at least {SECRET_BYTES_MIN} bytes")
        keys = SigningKeys(settings.jwt_jwks) if settings.jwt_jwks else None
        return cls(secret or None, keys, settings.jwt_audience, settings.jwt_issuer)

    @property
    def generation(self) -> int:
        """What was read of the keys so far: another one may have taken out the key of a token that was read before."""
        return self._keys.generation if self._keys else 0

    async def read(self, token: str) -> Claims:
        """What the token says; raises `Unauthenticated` when it does not hold, `Unavailable` without any keys."""
        if self._keys is not None:
            await self._keys.keep_current()
        try:
            claims = self._read(token, self.generation)
        except UnknownKey:
            claims = await self._read_with_new_keys(token)
        check_current(claims)
        return claims

    async def _read_with_new_keys(self, token: str) -> Claims:
        if self._keys is not None:
            await self._keys.refresh()
        try:
            return self._read(token, self.generation)
        except UnknownKey:
            raise bad("nobody knows the key that it names") from None

    def _verified(self, token: str, generation: int) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = self._key_for(header.get("alg"), header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[algorithm], options=self._options, **self._expected
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise bad(f"it cannot be verified ({error})") from None
        return _claims(claims)

    def _key_for(self, algorithm: Any, kid: Any) -> tuple[Any, str]:
        if algorithm == SHARED and self._secret is not None:
            return self._secret, SHARED
        if algorithm not in ALGORITHMS or self._keys is None:
            raise bad("its algorithm is not one that is accepted here")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise UnknownKey
        if key.algorithm_name != algorithm:
            raise bad("its algorithm is not that of its key")
        return key.key, algorithm


def check_current(claims: Claims) -> None:
    """Raises `Unauthenticated` when a token that was read once has expired since."""
    if claims.expires + LEEWAY_SECONDS <= clock.now().timestamp():
        raise Unauthenticated("expired_token", "The token has expired: get a new one (`headrace token`).")


def bad(reason: str) -> Unauthenticated:
    """The refusal of a token that does not hold."""
    return Unauthenticated("bad_token", f"The token does not hold: {reason}. Get a new one (`headrace token`).")


def _claims(claims: dict[str, Any]) -> Claims:
    now = clock.now().timestamp()
    for name in ("iat", "nbf"):
        if claims.get(name) is not None and _moment(claims[name], name) > now + LEEWAY_SECONDS:
            raise bad(f"`{name}` lies in the future")
    teams, roles = _names(claims.get("teams"), "teams"), _names(claims.get("roles"), "roles")
    if any(":" in team or EVERYWHERE in team for team in teams):
        # `a:admin` among the teams must never be taken for the role of somebody.
        raise bad("`teams` must hold names without `:` and `*`")
    return Claims(_name(claims["sub"], "sub"), teams, roles, _moment(claims["exp"], "exp"))


def _moment(value: Any, claim: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise bad(f"`{claim}` is not a time in seconds")
    return value


def _name(value: Any, claim: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH or not _printable(value):
        raise bad(f"`{claim}` must hold text of 1 to {MAX_NAME_LENGTH} characters")
    return value


def _names(value: Any, claim: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TEAMS:
        raise bad(f"`{claim}` must be a list of at most {MAX_TEAMS:,} names")
    return tuple(_name(item, claim) for item in value)


def _printable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can both keep it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
