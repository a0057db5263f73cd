"""Commands, events, queries and views of API keys, and what the gateway asks before it lets somebody in."""

import re
from datetime import datetime
from hashlib import sha256
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.access import (
    MAX_ROLES_OF_A_USER,
    AccessCommand,
    AccessEvent,
    AccessQuery,
    Instant,
    RoleHeld,
    TeamId,
    UserId,
)
from contracts.blueprint import DEFAULT_PAGE, PageLimit
from contracts.message import Capability, Moment, View

KeyName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
WRITTEN_KEY = re.compile(r"hr_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
"""How a key is written: its id, then 256 random bits in base64 (`secrets.token_urlsafe(32)`)."""


def written_key(key_id: UUID, secret: str) -> str:
    """The key as its owner carries it."""
    return f"hr_{key_id.hex}_{secret}"


def read_key(text: str) -> tuple[UUID, str] | None:
    """Id and digest of a key, as `FindApiKey` asks for them; None when it is not written like one."""
    found = WRITTEN_KEY.fullmatch(text)
    return None if found is None else (UUID(found[1]), secret_digest(found[2]))


def secret_digest(secret: str) -> str:
    """What is kept of a key's secret: SHA-256 in hexadecimal."""
    return sha256(secret.encode()).hexdigest()


class ApiKeyView(View):
    """An API key without its secret."""

    id: UUID
    name: str
    owner_id: str
    scopes: tuple[Capability, ...]
    teams: tuple[str, ...] | None
    """The teams in which it may be used; None: all of the owner's."""
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class IssuedApiKeyView(ApiKeyView):
    """The one answer that shows the key itself: `hr_<id>_<secret>`."""

    key: str


class ApiKeyPage(View):
    """A keyset page, newest first."""

    items: tuple[ApiKeyView, ...]
    next_cursor: str | None


class IssueApiKey(AccessCommand):
    """A key that acts as the caller. A key may issue none."""

    ANSWER: ClassVar = IssuedApiKeyView
    key_id: UUID
    name: KeyName
    scopes: Annotated[tuple[Capability, ...], Field(min_length=1, max_length=5)] = ("read", "execute", "steer", "edit")
    teams: tuple[TeamId, ...] | None = Field(default=None, max_length=MAX_ROLES_OF_A_USER)
    expires_at: Instant | None = None


class RevokeApiKey(AccessCommand):
    """End a key: by its owner or the deployment's admin. A second time changes nothing."""

    ANSWER: ClassVar = ApiKeyView
    key_id: UUID


class ListApiKeys(AccessQuery):
    """The caller's own keys; the deployment's admin may name another owner."""

    ANSWER: ClassVar = ApiKeyPage
    owner_id: UserId | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class ApiKeyIssued(AccessEvent):
    """A key exists; of its secret only the SHA-256 digest (hex) is kept: it has 256 random bits."""

    name: str
    owner_id: str
    digest: str
    scopes: tuple[Capability, ...]
    teams: tuple[str, ...] | None
    expires_at: datetime | None


class ApiKeyRevoked(AccessEvent):
    """Opens nothing any more."""

    owner_id: str
    by: str


class PrincipalView(View):
    """What access says of somebody at the door; the gateway keeps it until an event says otherwise."""

    user_id: str
    active: bool
    roles: tuple[RoleHeld, ...]
    scopes: tuple[Capability, ...] | None = None
    teams: tuple[str, ...] | None = None
    """Bounds of an API key; None without one, or without bounds."""
    expires_at: Moment | None = None


class FindPrincipal(AccessQuery):
    """Who a token's subject is here: active and without roles when nobody registered it."""

    ANSWER: ClassVar = PrincipalView
    NEEDS: ClassVar[Capability | None] = "read"
    user_id: UserId


class FindApiKey(AccessQuery):
    """Whose key it is; `Missing` when there is none of that digest, or it is revoked or expired."""

    ANSWER: ClassVar = PrincipalView
    NEEDS: ClassVar[Capability | None] = "read"
    key_id: UUID
    digest: str
