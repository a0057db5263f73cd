"""The access service as the gateway meets it: commands and queries over the bus, answers and refusals back."""

from dataclasses import dataclass
from typing import Any

import asyncpg

from chassis.bus import Bus
from chassis.runtime import Runtime
from contracts.access import (
    ActivateUser,
    DeactivateUser,
    EraseUser,
    GetUser,
    GrantRole,
    ListUsers,
    RegisterUser,
    RevokeRole,
    UserPage,
    UserView,
)
from contracts.api_keys import FindPrincipal, PrincipalView
from contracts.message import Caller

ROOT = Caller(user_id="root", roles=("*:admin",))
"""Administers the deployment."""
ANN = Caller(user_id="ann", teams=("blue",), roles=("blue:admin",))
"""Administers team blue."""
BEN = Caller(user_id="ben", teams=("blue",))
"""A member of team blue."""
EVE = Caller(user_id="eve", teams=("red",), roles=("red:admin",))
"""Administers another team."""


@dataclass
class Office:
    """A running service and a connection to ask it by; every caller is the deployment's admin unless told otherwise."""

    bus: Bus
    runtime: Runtime
    pool: asyncpg.Pool

    async def register(self, user_id: str, display_name: str | None = None, caller: Caller = ROOT) -> UserView:
        """A user becomes known."""
        return await self.ask(RegisterUser(caller=caller, user_id=user_id, display_name=display_name))

    async def deactivate(self, user_id: str, caller: Caller = ROOT) -> UserView:
        """Out."""
        return await self.ask(DeactivateUser(caller=caller, user_id=user_id))

    async def activate(self, user_id: str, caller: Caller = ROOT) -> UserView:
        """In again."""
        return await self.ask(ActivateUser(caller=caller, user_id=user_id))

    async def erase(self, user_id: str, caller: Caller = ROOT) -> UserView:
        """Out for ever."""
        return await self.ask(EraseUser(caller=caller, user_id=user_id))

    async def grant(self, user_id: str, team_id: str, role: Any, caller: Caller = ROOT) -> UserView:
        """One role more."""
        return await self.ask(GrantRole(caller=caller, user_id=user_id, team_id=team_id, role=role))

    async def revoke(self, user_id: str, team_id: str, role: Any, caller: Caller = ROOT) -> UserView:
        """One role less."""
        return await self.ask(RevokeRole(caller=caller, user_id=user_id, team_id=team_id, role=role))

    async def get(self, user_id: str, caller: Caller = ROOT) -> UserView:
        """One user."""
        return await self.ask(GetUser(caller=caller, user_id=user_id))

    async def list(self, caller: Caller = ROOT, **asked: Any) -> UserPage:
        """One page of them."""
        return await self.ask(ListUsers(caller=caller, **asked))

    async def principal(self, user_id: str) -> PrincipalView:
        """Who a token's subject is."""
        return await self.ask(FindPrincipal(caller=Caller(user_id="gateway"), user_id=user_id))

    async def ask(self, request: Any) -> Any:
        """The answer as the contract names it; raises the service's refusal."""
        return await self.bus.ask_for(request)

    async def head(self) -> int:
        """How far the ledger reaches."""
        return await self.runtime.store.head()
