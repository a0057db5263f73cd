"""What access says, told by a service that does nothing else: secrets, sealed as access seals them, and quotas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import clock
from chassis.codec import Codec
from chassis.ids import derived_id
from chassis.ledger import Append
from chassis.runtime import Runtime
from chassis.sealing import Sealer
from chassis.service import Service, running
from chassis.settings import Settings
from contracts.access import AccessEvent, SubjectKind, UserErased
from contracts.access_events import ACCESS_EVENTS
from contracts.quotas import QuotaLimits, QuotaSet
from contracts.secrets import SecretDeleted, SecretStored, sealing_context
from tests.support.lent_databases import Tables

LEDGER = ("chassis.ledger_migrations", "chassis.delivery_migrations")
ACCESS_TABLES = Tables("access", LEDGER)
CODEC = Codec(*ACCESS_EVENTS)


@asynccontextmanager
async def idle(runtime: Runtime) -> AsyncIterator[None]:
    """A service that tells, and does nothing else."""
    yield


@dataclass(frozen=True)
class Access:
    """Says who has which secret and which quota."""

    runtime: Runtime
    sealer: Sealer

    async def store(self, name: str, value: str, *, kind: SubjectKind = "team", owner: str = "mill") -> None:
        """A secret is set."""
        sealed = self.sealer.seal(value, sealing_context(kind, owner, name))
        await self.say(
            SecretStored, f"{kind}/{owner}/{name}", kind=kind, owner=owner, name=name, sealed=sealed, by="ada"
        )

    async def delete(self, name: str, *, kind: SubjectKind = "team", owner: str = "mill") -> None:
        """A secret is gone."""
        await self.say(SecretDeleted, f"{kind}/{owner}/{name}", kind=kind, owner=owner, name=name, by="ada")

    async def limit(self, kind: SubjectKind, owner: str, **limits: Any) -> None:
        """A quota is set."""
        await self.say(
            QuotaSet, f"quota/{kind}/{owner}", kind=kind, owner=owner, limits=QuotaLimits(**limits), by="ada"
        )

    async def erase(self, user_id: str) -> None:
        """A user is forgotten."""
        await self.say(UserErased, f"user/{user_id}", user_id=user_id, by="ada")

    async def say(self, event_type: type[AccessEvent], what: str, /, **said: Any) -> None:
        """The next fact of this aggregate."""
        stream_id: UUID = derived_id("access", what)
        version = len(await self.runtime.store.read(stream_id)) + 1
        event = event_type(originator_id=stream_id, originator_version=version, timestamp=clock.now(), **said)
        await self.runtime.store.append(Append(stream_id, (CODEC.encode(event),)))


@asynccontextmanager
async def telling_of_access(dsn: str, nats_url: str, namespace: str, sealing_key: str) -> AsyncIterator[Access]:
    """The service, on a database with `ACCESS_TABLES`."""
    service: Service[None] = Service(name="access", answers={}, migrations=LEDGER, start=idle, says=ACCESS_EVENTS)
    chosen = Settings(nats_url=nats_url, postgres_dsn=dsn, namespace=namespace)
    async with running(service, chosen) as runtime:
        yield Access(runtime, Sealer.from_text(sealing_key))
