"""Who is known and what they hold: users with their roles, API keys, secrets and quotas."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg

from chassis.projection import Fact
from contracts.access import (
    RoleGranted,
    RoleRevoked,
    UserActivated,
    UserDeactivated,
    UserErased,
    UserRegistered,
    UserRenamed,
)
from contracts.api_keys import ApiKeyIssued, ApiKeyRevoked
from contracts.message import Event
from contracts.quotas import QuotaLimits, QuotaSet
from contracts.secrets import SecretDeleted, SecretStored

REGISTER = """
INSERT INTO users (user_ref, user_id, sealed_display_name, active, erased, created_at)
VALUES ($1, $2, $3, true, false, $4)
"""
RENAME = "UPDATE users SET sealed_display_name = $2 WHERE user_ref = $1"
ACTIVATE = "UPDATE users SET active = true WHERE user_ref = $1"
DEACTIVATE = "UPDATE users SET active = false WHERE user_ref = $1"
ERASE = "UPDATE users SET active = false, erased = true, sealed_display_name = NULL WHERE user_ref = $1"
DROP_ROLES = "DELETE FROM user_roles WHERE user_ref = $1"
GRANT = "INSERT INTO user_roles (user_ref, team_id, role) VALUES ($1, $2, $3)"
DROP_SECRETS = "DELETE FROM secrets WHERE kind = 'user' AND owner = $1"
REVOKE = "DELETE FROM user_roles WHERE user_ref = $1 AND team_id = $2 AND role = $3"

ISSUE = """
INSERT INTO api_keys (key_id, name, owner_id, scopes, teams, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
END_KEY = "UPDATE api_keys SET revoked_at = $2 WHERE key_id = $1"
STORE = """
INSERT INTO secrets (kind, owner, name, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (kind, owner, name) DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at
"""
FORGET = "DELETE FROM secrets WHERE kind = $1 AND owner = $2 AND name = $3"
LIMIT = """
INSERT INTO quotas (kind, owner, executions_per_day, concurrent_executions, tokens_per_day, cost_per_day, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (kind, owner) DO UPDATE
SET executions_per_day = excluded.executions_per_day, concurrent_executions = excluded.concurrent_executions,
    tokens_per_day = excluded.tokens_per_day, cost_per_day = excluded.cost_per_day, updated_at = excluded.updated_at
"""
LIFT = "DELETE FROM quotas WHERE kind = $1 AND owner = $2"


async def _registered(event: UserRegistered, rows: asyncpg.Connection) -> None:
    await rows.execute(REGISTER, event.originator_id, event.user_id, event.sealed_display_name, event.timestamp)


async def _renamed(event: UserRenamed, rows: asyncpg.Connection) -> None:
    await rows.execute(RENAME, event.originator_id, event.sealed_display_name)


async def _deactivated(event: UserDeactivated, rows: asyncpg.Connection) -> None:
    await rows.execute(DEACTIVATE, event.originator_id)


async def _activated(event: UserActivated, rows: asyncpg.Connection) -> None:
    await rows.execute(ACTIVATE, event.originator_id)


async def _erased(event: UserErased, rows: asyncpg.Connection) -> None:
    await rows.execute(DROP_ROLES, event.originator_id)
    await rows.execute(DROP_SECRETS, event.user_id)
    await rows.execute(ERASE, event.originator_id)


async def _granted(event: RoleGranted, rows: asyncpg.Connection) -> None:
    await rows.execute(GRANT, event.originator_id, event.team_id, event.role)


async def _revoked(event: RoleRevoked, rows: asyncpg.Connection) -> None:
    await rows.execute(REVOKE, event.originator_id, event.team_id, event.role)


async def _issued(event: ApiKeyIssued, rows: asyncpg.Connection) -> None:
    bounds = (list(event.scopes), event.teams and list(event.teams), event.expires_at)
    await rows.execute(ISSUE, event.originator_id, event.name, event.owner_id, *bounds, event.timestamp)


async def _key_revoked(event: ApiKeyRevoked, rows: asyncpg.Connection) -> None:
    await rows.execute(END_KEY, event.originator_id, event.timestamp)


async def _stored(event: SecretStored, rows: asyncpg.Connection) -> None:
    await rows.execute(STORE, event.kind, event.owner, event.name, event.originator_version, event.timestamp)


async def _deleted(event: SecretDeleted, rows: asyncpg.Connection) -> None:
    await rows.execute(FORGET, event.kind, event.owner, event.name)


async def _quota_set(event: QuotaSet, rows: asyncpg.Connection) -> None:
    if event.limits == QuotaLimits():
        await rows.execute(LIFT, event.kind, event.owner)
    else:
        await rows.execute(LIMIT, event.kind, event.owner, *event.limits.model_dump().values(), event.timestamp)


FOLDS: Mapping[type[Event], Callable[[Any, asyncpg.Connection], Awaitable[None]]] = {
    UserRegistered: _registered,
    UserRenamed: _renamed,
    UserDeactivated: _deactivated,
    UserActivated: _activated,
    UserErased: _erased,
    RoleGranted: _granted,
    RoleRevoked: _revoked,
    ApiKeyIssued: _issued,
    ApiKeyRevoked: _key_revoked,
    SecretStored: _stored,
    SecretDeleted: _deleted,
    QuotaSet: _quota_set,
}


class Holdings:
    """The read model of this service's own ledger, without the audit log: few facts, hence one statement for each."""

    name = "holdings"
    source = "access"
    reads = tuple(FOLDS)
    tables = ("users", "user_roles", "api_keys", "secrets", "quotas")

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Write what the facts change."""
        for fact in facts:
            await FOLDS[type(fact.event)](fact.event, rows)
