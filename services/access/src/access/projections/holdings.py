"""Who is known and what they hold: users with their roles, one fact after the other."""

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
from contracts.message import Event

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
REVOKE = "DELETE FROM user_roles WHERE user_ref = $1 AND team_id = $2 AND role = $3"


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
    await rows.execute(ERASE, event.originator_id)


async def _granted(event: RoleGranted, rows: asyncpg.Connection) -> None:
    await rows.execute(GRANT, event.originator_id, event.team_id, event.role)


async def _revoked(event: RoleRevoked, rows: asyncpg.Connection) -> None:
    await rows.execute(REVOKE, event.originator_id, event.team_id, event.role)


FOLDS: Mapping[type[Event], Callable[[Any, asyncpg.Connection], Awaitable[None]]] = {
    UserRegistered: _registered,
    UserRenamed: _renamed,
    UserDeactivated: _deactivated,
    UserActivated: _activated,
    UserErased: _erased,
    RoleGranted: _granted,
    RoleRevoked: _revoked,
}


class Holdings:
    """The read model of this service's own ledger, without the audit log: few facts, hence one statement for each."""

    name = "holdings"
    source = "access"
    reads = tuple(FOLDS)
    tables = ("users", "user_roles")

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Write what the facts change."""
        for fact in facts:
            await FOLDS[type(fact.event)](fact.event, rows)
