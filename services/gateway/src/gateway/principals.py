"""What access says of those who come: remembered for a while, forgotten at once when access says otherwise."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis import clock
from chassis.bus import Bus
from chassis.logs import get_logger
from contracts.access import (
    AccessEvent,
    RoleGranted,
    RoleRevoked,
    UserActivated,
    UserDeactivated,
    UserErased,
    UserId,
)
from contracts.api_keys import ApiKeyRevoked, FindApiKey, FindPrincipal, PrincipalView
from contracts.message import Caller
from contracts.refusal import Missing, Unavailable

FRESH_SECONDS = 30.0
"""For so long nobody asks again: an event that would have said so earlier may have been lost."""
CHANGED_SECONDS = 2.0
"""So long after a change the answer may still be of before it, so it is not believed for longer than …"""
FRESH_AFTER_CHANGE_SECONDS = 0.25
AWAY_SECONDS = 5.0
"""While access is away, so long passes before it is asked again about somebody who is known."""
ASK_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2.0
PRINCIPALS_REMEMBERED = 10_000
CHANGES_REMEMBERED = 1_000

GATEWAY = Caller(user_id="gateway")
"""Who asks access, before it is known for whom."""
TELLING: tuple[type[AccessEvent], ...] = (
    UserDeactivated,
    UserActivated,
    UserErased,
    RoleGranted,
    RoleRevoked,
    ApiKeyRevoked,
)
"""What changes who somebody is at the door."""

log = get_logger(__name__)


@dataclass(slots=True)
class Known:
    """What access said, and until when it is taken for granted (monotonic)."""

    view: PrincipalView
    fresh_until: float


class Principals:
    """Users and the owners of API keys, as access knows them."""

    def __init__(self, bus: Bus) -> None:
        """Nobody is known, and nothing is heard before `listen`."""
        self._bus = bus
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._names_of: dict[str, set[str]] = {}
        self._changed: OrderedDict[str, float] = OrderedDict()
        self._asking: dict[str, asyncio.Task[PrincipalView]] = {}
        self._subscriptions: list[Subscription] = []

    async def listen(self) -> None:
        """Hear what changes."""
        self._bus.on_reconnect(self._doubt_all)
        for event in TELLING:
            subject = self._bus.subject("access", event.topic(), "*")
            self._subscriptions.append(await self._bus.nc.subscribe(subject, cb=self._hear))

    async def close(self) -> None:
        """Hear no more."""
        self._bus.forget(self._doubt_all)
        for subscription in self._subscriptions:
            if not self._bus.nc.is_closed:
                await subscription.unsubscribe()

    def fresh(self, name: str) -> PrincipalView | None:
        """What is known of a user (`user_name`) or a key (`key_name`), while nobody need be asked."""
        known = self._known.get(name)
        return known.view if known and clock.monotonic() < known.fresh_until else None

    async def user(self, user_id: UserId) -> PrincipalView:
        """The user of a token; `Unavailable` when access is away and the user is new here."""
        name = user_name(user_id)
        query = FindPrincipal(caller=GATEWAY, user_id=user_id)
        return self.fresh(name) or await self._once(name, lambda: self._bus.ask_for(query, ASK_SECONDS))

    async def key(self, query: FindApiKey) -> PrincipalView:
        """Whose key it is; `Missing` when it opens nothing, `Unavailable` when access is away and it is new here."""
        name = key_name(query)
        return self.fresh(name) or await self._once(name, lambda: self._bus.ask_for(query, ASK_SECONDS))

    async def _once(self, name: str, ask: Callable[[], Awaitable[PrincipalView]]) -> PrincipalView:
        """The answer to one question, however many requests wait for it."""
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._ask(name, ask))
            asking.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(asking)

    async def _ask(self, name: str, ask: Callable[[], Awaitable[PrincipalView]]) -> PrincipalView:
        try:
            view = await ask()
        except Missing:
            self._drop(name)
            raise
        except Unavailable as away:
            known = self._known.get(name)
            if known is None:
                raise _nobody_says(away) from away
            known.fresh_until = clock.monotonic() + AWAY_SECONDS
            return known.view
        self._remember(name, view)
        return view

    def _remember(self, name: str, view: PrincipalView) -> None:
        now = clock.monotonic()
        just_changed = now < self._changed.get(view.user_id, -math.inf) + CHANGED_SECONDS
        self._known[name] = Known(view, now + (FRESH_AFTER_CHANGE_SECONDS if just_changed else FRESH_SECONDS))
        self._known.move_to_end(name)
        self._names_of.setdefault(view.user_id, set()).add(name)
        if len(self._known) > PRINCIPALS_REMEMBERED:
            self._drop(next(iter(self._known)))

    def _drop(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is None:
            return
        names = self._names_of.get(known.view.user_id, set())
        names.discard(name)
        if not names:
            self._names_of.pop(known.view.user_id, None)

    async def _hear(self, message: Msg) -> None:
        try:
            event = orjson.loads(message.data)
            self.forget(event.get("user_id") or event["owner_id"])
        except (ValueError, KeyError, AttributeError):
            log.warning("principals.unreadable_event", subject=message.subject)
            self._doubt_all()

    def forget(self, user_id: str) -> None:
        """Something about a user has changed: the user and all keys of the user's are asked for anew."""
        self._changed[user_id] = clock.monotonic()
        self._changed.move_to_end(user_id)
        if len(self._changed) > CHANGES_REMEMBERED:
            self._changed.popitem(last=False)
        for name in tuple(self._names_of.get(user_id, ())):
            self._drop(name)

    def _doubt_all(self) -> None:
        """Events may have been missed: everybody is asked for again, and known until access answers."""
        for known in self._known.values():
            known.fresh_until = 0.0


def user_name(user_id: str) -> str:
    """Under which a user is remembered."""
    return f"user {user_id}"


def key_name(query: FindApiKey) -> str:
    """Under which an API key is remembered: with another secret it is another one."""
    return f"key {query.key_id.hex} {query.digest}"


def _nobody_says(away: Unavailable) -> Unavailable:
    return Unavailable(
        "access_unavailable",
        f"Nobody can say who you are right now ({away.detail}); try again.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
