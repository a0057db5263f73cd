"""Every command in the audit trail: who asked what, from where, and what came of it."""

import re
from functools import lru_cache

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from chassis import clock
from gateway.addresses import Proxies
from gateway.answers import API
from gateway.auditing import LOST, Auditor, Seen
from gateway.failures import Failures
from gateway.visits import SAFE, Visit, begin_visit

PARAMETER = re.compile(r"\{(\w+):\w+\}")
MANAGEMENT = ("/users", "/api-keys", "/secrets", "/quotas")
"""What changes who may do what: here the entry is written before the answer goes out."""
UNAUTHENTICATED, CREATED, CUT_OFF = 401, 201, 499
"""`CUT_OFF`: the process ended before there was an answer; what became of it, the owner's ledger says."""
TOO_MANY_FAILURES = "too_many_failures"
ROUTES = 256
TARGET_CHARACTERS = 512
UNKEPT = dict.fromkeys(range(0x20), "\ufffd")
"""Control characters, which no database and no reader should meet."""


class Audited:
    """An ASGI application whose commands are written down, once their outcome is known."""

    def __init__(self, app: ASGIApp, auditor: Auditor, proxies: Proxies) -> None:
        """`app` is what answers, `proxies` says whose address is a client's."""
        self._app = app
        self._auditor = auditor
        self._proxies = proxies
        self._turned_away = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == ScopeType.HTTP and scope["method"] not in SAFE and scope["path"].startswith(API):
            await self._audit(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _audit(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        visit = begin_visit(scope)
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                if message["status"] == CREATED and visit.target is None:
                    visit.target = _made(message)
                await self._write(scope, visit, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if not answered:
                await self._write(scope, visit, CUT_OFF)

    async def _write(self, scope: HTTPScope, visit: Visit, status: int) -> None:
        template = scope.get("path_template")
        if not template:
            # There is no such endpoint: nothing was asked of anybody.
            return
        address = self._proxies.client_of(scope)
        if not self._counts(visit, status, address):
            LOST.labels("too_many").inc()
            return
        action = action_of(scope["method"], template)
        entry = Seen(
            at=clock.now(),
            user_id=visit.user_id,
            address=address,
            action=action,
            target=visit.target or _target(scope),
            status=status,
            refusal=visit.refusal,
            key_id=visit.key_id,
        )
        if action.partition(" ")[2].startswith(MANAGEMENT) and visit.user_id is not None and status != CUT_OFF:
            await self._auditor.write_through(entry)
        else:
            self._auditor.write(entry)

    def _counts(self, visit: Visit, status: int, address: str) -> bool:
        """Whether it is written down: of one who is turned away without end only so many a minute fill the trail.

        Strangers are told apart by their address; who is known and shut out has room of one's own.
        """
        if visit.refusal == TOO_MANY_FAILURES:
            return False
        if status != UNAUTHENTICATED:
            return True
        return self._turned_away.has_room(visit.user_id or address)


@lru_cache(ROUTES)
def action_of(method: str, template: str) -> str:
    """`POST /blueprints/{id}/execute`."""
    return method + " " + PARAMETER.sub(r"{\1}", template).removeprefix(API)


def _target(scope: HTTPScope) -> str | None:
    """What stands in the path in place of its parameters, so far as it can be kept."""
    named = "/".join(str(value) for value in scope["path_params"].values())
    if not named.isprintable():
        named = named.translate(UNKEPT)
    return named[:TARGET_CHARACTERS] or None


def _made(message: Message) -> str | None:
    """The id of what was created, from the `Location` of the answer."""
    for name, value in message.get("headers", ()):  # type: ignore[attr-defined, unused-ignore]
        if name.lower() == b"location":
            return str(value.decode("latin-1").rpartition("/")[2])
    return None
