"""A stand-in for access: users, roles and API keys that a test gives it, an audit trail that a test can read."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
from nats.aio.msg import Msg

from chassis import clock
from chassis.bus import REFUSAL_HEADER, Bus
from contracts.access import RoleHeld
from contracts.api_keys import FindApiKey, FindPrincipal, PrincipalView
from contracts.audit import AuditEntry, RecordAudit
from contracts.message import Request
from contracts.refusal import Missing, Refusal
from gateway.auditing import Seen

SECRET = "k" * 43
DONE = b"null"


class FakeAccess:
    """Answers who somebody is, and keeps what was audited."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.users: dict[str, PrincipalView] = {}
        self.keys: dict[tuple[UUID, str], PrincipalView] = {}
        self.asked: list[Request] = []
        self.batches: list[RecordAudit] = []
        self.refusals: dict[type[Request], Refusal | None] = {}
        """What requests are refused with; None: they get no answer."""
        self.refuses_entry: Callable[[AuditEntry], Refusal | None] = lambda _: None
        self._subscriptions: list[Any] = []

    @property
    def audited(self) -> list[AuditEntry]:
        """Every entry in the order in which it was recorded, once."""
        once = {batch.batch_id: batch for batch in self.batches}
        return [entry for batch in once.values() for entry in batch.entries]

    async def open(self) -> None:
        """Begin to answer."""
        for request in (FindPrincipal, FindApiKey, RecordAudit):
            subject = request.subject(self.bus.namespace)
            self._subscriptions.append(await self.bus.nc.subscribe(subject, cb=self._hearing(request)))
        await self._settled()

    async def close(self) -> None:
        """Be away."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions.clear()
        await self._settled()

    def user(self, user_id: str, *roles: str, **changes: Any) -> PrincipalView:
        """Have a user with these roles (`team:role`)."""
        held = tuple(RoleHeld(team_id=team, role=role) for team, _, role in (each.rpartition(":") for each in roles))
        view = PrincipalView(**{"user_id": user_id, "active": True, "roles": held, **changes})
        self.users[user_id] = view
        return view

    def key(self, user_id: str, *roles: str, **bounds: Any) -> str:
        """Have an API key of a user with these roles; the key."""
        key_id = uuid4()
        view = self.user(user_id, *roles).model_copy(update=bounds)
        self.keys[key_id, hashlib.sha256(SECRET.encode()).hexdigest()] = view
        return f"hr_{key_id.hex}_{SECRET}"

    def times(self, request: type[Request]) -> int:
        """How often it was asked so."""
        return sum(isinstance(asked, request) for asked in self.asked)

    async def say(self, event: str, originator_id: UUID | None = None, **facts: Any) -> None:
        """Publish an event as the relay of access does."""
        subject = self.bus.subject("access", event, str(originator_id or uuid4()))
        await self.bus.nc.publish(subject, orjson.dumps(facts))
        await self._settled()

    def _hearing(self, request_type: type[Request]) -> Any:
        async def hear(message: Msg) -> None:
            request = request_type.model_validate_json(message.data)
            self.asked.append(request)
            if request_type not in self.refusals:
                await message.respond(self._answer(request))
            elif refusal := self.refusals[request_type]:
                await self._refuse(message, refusal)

        async def safely(message: Msg) -> None:
            try:
                await hear(message)
            except Refusal as refusal:
                await self._refuse(message, refusal)

        return safely

    async def _refuse(self, message: Msg, refusal: Refusal) -> None:
        body = refusal.view().model_dump_json().encode()
        await self.bus.nc.publish(message.reply, body, headers={REFUSAL_HEADER: refusal.code})

    def _answer(self, request: Request) -> bytes:
        if isinstance(request, RecordAudit):
            for entry in request.entries:
                if refusal := self.refuses_entry(entry):
                    raise refusal
            self.batches.append(request)
            return DONE
        if isinstance(request, FindApiKey):
            if (request.key_id, request.digest) not in self.keys:
                raise Missing("no_such_key", "There is no such key.")
            return self.keys[request.key_id, request.digest].model_dump_json().encode()
        assert isinstance(request, FindPrincipal)
        known = self.users.get(request.user_id) or PrincipalView(user_id=request.user_id, active=True, roles=())
        return known.model_dump_json().encode()

    async def _settled(self) -> None:
        await self.bus.nc.flush()
        await self.bus.nc.flush()


def entry(action: str = "DELETE /blueprints/{id}") -> Seen:
    """Something that was seen."""
    return Seen(clock.now(), "ada", "::1", action, None, 204, None, None)
