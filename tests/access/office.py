"""The access service as the gateway meets it: commands and queries over the bus, answers and refusals back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from nats.js.errors import NotFoundError

from access.app import SERVICE
from chassis.bus import REFUSAL_HEADER, Bus, refusal_from
from chassis.clock import now
from chassis.ids import new_id
from chassis.runtime import Runtime
from chassis.service import running
from chassis.settings import Settings
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
from contracts.api_keys import (
    ApiKeyPage,
    ApiKeyView,
    FindApiKey,
    FindPrincipal,
    IssueApiKey,
    IssuedApiKeyView,
    ListApiKeys,
    PrincipalView,
    RevokeApiKey,
    read_key,
)
from contracts.audit import AuditEntry, AuditPage, AuditVerdict, ListAudit, RecordAudit, VerifyAudit
from contracts.message import Caller
from contracts.quotas import ListQuotas, QuotaLimits, QuotaList, QuotaView, SetQuota
from contracts.refusal import RefusalView
from contracts.secrets import DeleteSecret, ListSecrets, SecretList, SecretView, StoreSecret

ROOT = Caller(user_id="root", roles=("*:admin",))
"""Administers the deployment."""
ANN = Caller(user_id="ann", teams=("blue",), roles=("blue:admin",))
"""Administers team blue."""
BEN = Caller(user_id="ben", teams=("blue",))
"""A member of team blue."""
EVE = Caller(user_id="eve", teams=("red",), roles=("red:admin",))
"""Administers another team."""
GATEWAY = Caller(user_id="gateway")
"""Asks before it lets somebody in, and tells what it saw."""


def an_entry(user_id: str | None = "ada", **members: Any) -> AuditEntry:
    """One command that a gateway saw; `members` replace its own."""
    facts = {
        "at": now().replace(microsecond=0),
        "address": "192.0.2.7",
        "action": "POST /blueprints",
        "target": None,
        "status": 201,
    }
    return AuditEntry.model_validate({**facts, "user_id": user_id, **members})


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
        return await self.ask(FindPrincipal(caller=GATEWAY, user_id=user_id))

    async def issue(self, caller: Caller = BEN, key_id: UUID | None = None, **asked: Any) -> IssuedApiKeyView:
        """A key of the caller's own."""
        return await self.ask(IssueApiKey(caller=caller, key_id=key_id or new_id(), **{"name": "nightly", **asked}))

    async def revoke_key(self, key_id: UUID, caller: Caller = BEN) -> ApiKeyView:
        """It opens nothing any more."""
        return await self.ask(RevokeApiKey(caller=caller, key_id=key_id))

    async def keys(self, caller: Caller = BEN, **asked: Any) -> ApiKeyPage:
        """One page of keys."""
        return await self.ask(ListApiKeys(caller=caller, **asked))

    async def holder(self, key: str) -> PrincipalView:
        """Whose key it is."""
        key_id, digest = read_key(key) or (new_id(), "")
        return await self.ask(FindApiKey(caller=GATEWAY, key_id=key_id, digest=digest))

    async def store(self, name: str, value: str, caller: Caller = BEN, team_id: str | None = None) -> SecretView:
        """A secret gets a value."""
        return await self.ask(StoreSecret(caller=caller, name=name, value=value, team_id=team_id))

    async def forget(self, name: str, caller: Caller = BEN, team_id: str | None = None) -> SecretView:
        """A secret is deleted."""
        return await self.ask(DeleteSecret(caller=caller, name=name, team_id=team_id))

    async def secrets(self, caller: Caller = BEN, team_id: str | None = None) -> SecretList:
        """The names there are."""
        return await self.ask(ListSecrets(caller=caller, team_id=team_id))

    async def limit(self, kind: Any, owner: str, caller: Caller = ROOT, **limits: Any) -> QuotaView:
        """A quota is set."""
        return await self.ask(SetQuota(caller=caller, kind=kind, owner=owner, limits=QuotaLimits(**limits)))

    async def quotas(self, caller: Caller = ROOT) -> QuotaList:
        """The quotas that the caller may see."""
        return await self.ask(ListQuotas(caller=caller))

    async def record(self, *entries: AuditEntry, batch_id: UUID | None = None) -> None:
        """A batch of what a gateway saw."""
        await self.ask(RecordAudit(caller=GATEWAY, batch_id=batch_id or new_id(), entries=entries))

    async def log(self, caller: Caller = ROOT, **asked: Any) -> AuditPage:
        """One page of the audit log."""
        return await self.ask(ListAudit(caller=caller, **asked))

    async def verdict(self, caller: Caller = ROOT) -> AuditVerdict:
        """Whether the log is whole."""
        return await self.ask(VerifyAudit(caller=caller))

    async def ask(self, request: Any) -> Any:
        """The answer as the contract names it; raises the service's refusal."""
        return await self.bus.ask_for(request)

    async def ask_raw(self, name: str, body: str) -> bytes:
        """What a request is answered that no contract would let through."""
        kind = "query" if name.startswith(("List", "Find", "Get", "Verify")) else "command"
        reply = await self.bus.nc.request(self.bus.subject(kind, "access", name), body.encode(), timeout=5)
        if reply.headers and REFUSAL_HEADER in reply.headers:
            raise refusal_from(RefusalView.model_validate_json(reply.data))
        return bytes(reply.data)

    async def head(self) -> int:
        """How far the ledger reaches."""
        return await self.runtime.store.head()


@asynccontextmanager
async def opened(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Office]:
    """A process of the service from its start to its end."""
    async with running(SERVICE, settings) as runtime:
        bus = await Bus.connect(settings.nats_url, settings.namespace, "test")
        yield Office(bus, runtime, pool)
        with suppress(NotFoundError):  # A test may be over before the relay has made it.
            await bus.js.delete_stream(bus.stream(SERVICE.name))
        await bus.close()
