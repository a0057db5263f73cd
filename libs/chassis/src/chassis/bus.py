"""One connection to NATS with the right defaults: asking services, declaring streams and consumers."""

import asyncio
import random
import re
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client, Server
from nats.errors import Error, MaxPayloadError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, StreamInfo
from pydantic import TypeAdapter

from chassis import provision, telemetry
from chassis.logs import get_logger
from chassis.transport import client_for, nats_tls
from contracts.message import Request
from contracts.refusal import (
    Conflict,
    Failed,
    Forbidden,
    Invalid,
    Malformed,
    Missing,
    PreconditionFailed,
    Refusal,
    RefusalView,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)

REFUSAL_HEADER = "Headrace-Refusal"
"""Marks a reply whose body is a `RefusalView`; its value is the refusal's code."""

INBOX = "_INBOX"
FORBIDDEN = "permissions violation"
"""How the server's complaint begins when a user said, or wanted to hear, what is not its own."""

CONNECT_SECONDS = 30.0
"""How long the first connection may take: services may start before their NATS server."""
RECONNECT_SECONDS_MAX = 2.0
PENDING_BYTES_MAX = 16 * 1024 * 1024
"""What may wait in memory for the socket, or for a server that is away."""
DRAIN_SECONDS = 3
PING_SECONDS = 10
"""How often a connection is tried that seems idle: two unanswered ones and it is made anew."""
ASK_SECONDS = 5.0
RETRY_AFTER_SECONDS = 1.0

FAMILIES: dict[int, type[Refusal]] = {
    family.status: family
    for family in (
        Malformed,
        Unauthenticated,
        Forbidden,
        Missing,
        Conflict,
        PreconditionFailed,
        TooLarge,
        Invalid,
        TooMany,
        Failed,
        Unavailable,
    )
}

log = get_logger(__name__)
Listener = Callable[[], None]


class Bus:
    """A NATS connection that never gives up, and the names that this deployment uses on it."""

    def __init__(self, nc: Client, namespace: str, replicas: int = 1) -> None:
        """Wrap a connection; `Bus.connect` makes one with the right defaults."""
        self._replicas = replicas
        self.nc = nc
        self.js: JetStreamContext = nc.jetstream()
        self.namespace = namespace
        self._on_disconnect: list[Listener] = []
        self._on_reconnect: list[Listener] = []

    @classmethod
    async def connect(cls, url: str, namespace: str, name: str, replicas: int = 1) -> "Bus":
        """Connect to `url` (comma-separated servers) under `name`; raises `Unavailable` after 30 s without one.

        Streams that it makes have so many `replicas`.
        """
        tls = nats_tls(url)
        nc = client_for(tls)
        bus = cls(nc, namespace, replicas)
        connecting = nc.connect(
            url.split(","),
            **connection_options(name, url, tls),
            disconnected_cb=bus._disconnected,
            reconnected_cb=bus._reconnected,
        )
        try:
            await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except (TimeoutError, OSError, Error) as error:
            address = without_passwords(url)
            raise Unavailable(
                "nats_unreachable", f"no NATS server answers at {address}; start it or set HEADRACE_NATS_URL"
            ) from error
        return bus

    @property
    def connected(self) -> bool:
        """Whether the server is there right now."""
        return bool(self.nc.is_connected)

    def on_disconnect(self, listener: Listener) -> None:
        """Call `listener()` whenever the connection is lost."""
        self._on_disconnect.append(listener)

    def on_reconnect(self, listener: Listener) -> None:
        """Call `listener()` whenever a lost connection is back; subscriptions are already renewed then."""
        self._on_reconnect.append(listener)

    def forget(self, listener: Listener) -> None:
        """Stop calling a listener."""
        for listeners in (self._on_disconnect, self._on_reconnect):
            if listener in listeners:
                listeners.remove(listener)

    def subject(self, *tokens: str) -> str:
        """A subject of this namespace: `subject("replay", "blueprint")`."""
        return ".".join((self.namespace, *tokens))

    def stream(self, service: str) -> str:
        """The name of a service's event stream."""
        return provision.stream_name(self.namespace, service)

    async def ensure_stream(self, service: str) -> StreamInfo:
        """The event stream of `service`, made when it is not there; an existing one is never shrunk."""
        return await provision.ensure_stream(self.js, provision.event_stream(self.namespace, service, self._replicas))

    async def ensure_work_stream(self) -> StreamInfo:
        """The stream of work messages, made when it is not there."""
        return await provision.ensure_stream(self.js, provision.work_stream(self.namespace, self._replicas))

    async def ensure_consumer(self, stream: str, config: ConsumerConfig) -> ConsumerInfo:
        """The durable consumer, made or brought to `config`; where it starts is kept from its first making."""
        return await provision.ensure_consumer(self.js, stream, config)

    async def ask(
        self, request: Request, timeout: float = ASK_SECONDS, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer's body as JSON. Raises the answering service's `Refusal`; `Unavailable` when nobody answers."""
        outgoing = dict(headers or {})
        telemetry.inject(outgoing)
        subject = request.subject(self.namespace)
        try:
            reply = await self.nc.request(
                subject, request.model_dump_json().encode(), timeout=timeout, headers=outgoing or None
            )
        except MaxPayloadError as error:
            raise TooLarge(
                "too_large", f"the request is larger than the {self.nc.max_payload} bytes NATS takes"
            ) from error
        except (NoRespondersError, NatsTimeout, OSError, Error) as error:
            raise _unavailable(request, timeout, error) from error
        if reply.headers and REFUSAL_HEADER in reply.headers:
            raise refusal_from(RefusalView.model_validate_json(reply.data))
        return bytes(reply.data)

    async def ask_for(self, request: Request, timeout: float = ASK_SECONDS) -> Any:
        """The answer as the model that the request's `ANSWER` names; raises as `ask` does."""
        return _adapter(type(request)).validate_json(await self.ask(request, timeout))

    async def close(self) -> None:
        """Finish what was received, send what was published, disconnect."""
        if self.nc.is_closed:
            return
        if self.nc.is_connected:
            await self.nc.drain()
        else:
            await self.nc.close()

    async def _disconnected(self) -> None:
        for listener in tuple(self._on_disconnect):
            listener()

    async def _reconnected(self) -> None:
        found = self.nc.connected_url
        log.info("nats.reconnected", url=without_passwords(found.geturl()) if found else None)
        for listener in tuple(self._on_reconnect):
            listener()


def without_passwords(url: str) -> str:
    """The URL, or several with commas between them, as it may be logged."""
    return re.sub(r"//[^@/,]*@", "//", url)


def inbox_prefix(url: str) -> str:
    """Where the answers to a user arrive: an inbox of its own, for which it alone has the right to listen."""
    first = url.split(",", maxsplit=1)[0]
    parts = urlsplit(first if "://" in first else f"nats://{first}")
    return f"{INBOX}_{parts.username}" if parts.username and parts.password else INBOX


def connection_options(name: str, url: str, tls: ssl.SSLContext | None = None) -> dict[str, Any]:
    """How every connection of this house is made: it never gives up, and no two come back at the same moment."""
    return {
        "name": name,
        "inbox_prefix": inbox_prefix(url),
        "tls": tls,
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 1,
        "reconnect_to_server_handler": _next_server,
        "pending_size": PENDING_BYTES_MAX,
        "drain_timeout": DRAIN_SECONDS,
        "ping_interval": PING_SECONDS,
        "error_cb": _report,
    }


async def settle(nc: Client) -> None:
    """Return when the server knows every subscription made so far.

    Twice, because nats-py's ping overtakes what still waits to be written; by the second one all of it is.
    """
    await nc.flush()
    await nc.flush()


def refusal_from(view: RefusalView) -> Refusal:
    """The refusal as it was raised on the other side, of the family that its status names."""
    family = FAMILIES.get(view.status, Refusal)
    return family(view.code, view.detail, view.errors, view.retry_after_seconds)


@lru_cache
def _adapter(request_type: type[Request]) -> TypeAdapter[Any]:
    return TypeAdapter(request_type.ANSWER)


def _unavailable(request: Request, timeout: float, error: Exception) -> Unavailable:
    if isinstance(error, NoRespondersError):
        return Unavailable(
            "no_responder", f"no {request.SERVICE} service is running", retry_after_seconds=RETRY_AFTER_SECONDS
        )
    if isinstance(error, NatsTimeout):
        detail = f"the {request.SERVICE} service did not answer within {timeout:g} s"
        return Unavailable("no_answer", detail, retry_after_seconds=RETRY_AFTER_SECONDS)
    detail = f"the message bus is not available ({error})"
    return Unavailable("bus_unavailable", detail, retry_after_seconds=RETRY_AFTER_SECONDS)


def refused(refusal: Refusal) -> tuple[dict[str, str], bytes]:
    """Headers and body of the reply that says no: what `refusal_from` reads."""
    return {REFUSAL_HEADER: refusal.code}, refusal.view().model_dump_json().encode()


def _next_server(servers: list[Server], _info: dict[str, Any]) -> tuple[Server, float]:
    """The server tried least so far, after a wait that doubles and is never the same for two clients."""
    server = min(servers, key=lambda known: known.reconnects)
    longest = min(0.1 * 2 ** min(server.reconnects, 10), RECONNECT_SECONDS_MAX)
    return server, random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret


async def _report(error: Exception) -> None:
    if FORBIDDEN in str(error).lower():
        telemetry.BUS_FORBIDDEN.inc()
        log.error("nats.forbidden", error=str(error), fix="headrace/permissions.py says who may do what on the bus")
    else:
        log.warning("nats.error", error=repr(error))
