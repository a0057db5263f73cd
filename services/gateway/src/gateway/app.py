"""The gateway, wired: routes, authentication, problems, and the process around them."""

import asyncio
import signal
import socket
import sys
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop
from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp

from chassis import telemetry
from chassis.bus import Bus
from chassis.garbage import collect_seldom
from chassis.logs import configure_logging, get_logger
from chassis.ops import OpsDesk, ProcessState
from chassis.probes import Probes
from chassis.settings import BadSettings, Settings
from contracts.refusal import Unavailable
from gateway.answers import API
from gateway.api import (
    analytics,
    api_keys,
    audit,
    blueprints,
    caches,
    executions,
    health,
    instances,
    quotas,
    roles,
    secrets,
    signals,
    steering,
    users,
)
from gateway.api.options import options_of
from gateway.audited import Audited
from gateway.auth import caller_of
from gateway.bodies import MAX_BODY_BYTES
from gateway.browsers import Guarded
from gateway.door import Door, DoorPolicy
from gateway.gathering import GATEWAY
from gateway.observing import Observed
from gateway.openapi import document
from gateway.problems import HANDLERS

DRAIN_SECONDS = 10
"""What is in flight at a SIGTERM may take so long to finish."""
KEEP_ALIVE_SECONDS = 75
"""Longer than most load balancers keep a connection, so that it is they who close it."""
BACKLOG = 1_024
WORK = (blueprints, executions, instances, steering, signals, caches, analytics)
ACCESS = (users, roles, api_keys, secrets, quotas, audit)
ENDPOINTS = tuple(endpoint for room in (*WORK, *ACCESS) for endpoint in room.ENDPOINTS)
"""Everything under /api/v2."""

log = get_logger(__name__)
TlsFiles = tuple[Path | None, Path | None]


def openapi_document() -> dict[str, Any]:
    """The description of the interface, as `/openapi.json` serves it; needs no connection and no settings."""
    return document(ENDPOINTS)


@cache
def _openapi_json() -> bytes:
    return orjson.dumps(openapi_document())


def create_app(door: Door, draining: asyncio.Event) -> Litestar:
    """The endpoints: who may come in, the services behind them, and whether the process is about to leave."""
    endpoints = [*options_of(ENDPOINTS), *ENDPOINTS]
    router = Router(API, route_handlers=endpoints, dependencies={"caller": Provide(caller_of)})
    known = {"entrance": door.entrance, "auditor": door.auditor, "bus": door.bus}
    return Litestar(
        [router, *health.ENDPOINTS],
        dependencies={"bus": Provide(_bus)},
        exception_handlers=HANDLERS,
        logging_config=None,
        openapi_config=None,
        cors_config=door.policy.cors,
        request_max_body_size=MAX_BODY_BYTES,
        state=State({**known, "draining": draining, "openapi": _openapi_json()}),
    )


def application(door: Door, draining: asyncio.Event) -> ASGIApp:
    """The endpoints as they are served: every request observed, every command written down."""
    audited = Audited(create_app(door, draining), door.auditor, door.policy.proxies)
    return Observed(Guarded(audited))


class Server(uvicorn.Server):
    """The application behind uvicorn; serves the sockets it is given."""

    def __init__(self, door: Door, tls: TlsFiles = (None, None)) -> None:
        """Nothing listens yet. `tls` is certificate and key: with them it speaks HTTPS."""
        self._draining = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                application(door, self._draining),
                http="httptools",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # Whose word about the client counts is decided in `addresses`: uvicorn believes each local process.
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                ssl_certfile=tls[0],
                ssl_keyfile=tls[1],
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more; streams end and callers who wait for a run get its state, everything else finishes."""
        self._draining.set()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight; leaves with 1 when it cannot start."""
    # While it serves, uvicorn hears the signals; it raises them again when all is done.
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: sys.exit(0))
    configure_logging(GATEWAY)
    try:
        settings = Settings.load()
        configure_logging(GATEWAY, settings.log_level, settings.log_format)
        telemetry.start_tracing(GATEWAY)
        uvloop.run(_serve(settings))
    except (BadSettings, Unavailable, OSError) as error:
        log.critical("service.cannot_start", reason=str(error))
        raise SystemExit(1) from error
    finally:
        telemetry.stop_tracing()


async def _serve(settings: Settings) -> None:
    policy, tls = DoorPolicy.from_settings(settings), _tls(settings)
    Probes().serve(settings.metrics_port)
    with socket.create_server((settings.host, settings.port), family=_family(settings.host)) as listener:
        bus = await Bus.connect(settings.nats_url, settings.namespace, GATEWAY)
        try:
            async with OpsDesk(bus, GATEWAY, partial(_state, bus)), Door(policy, bus) as door:
                collect_seldom()
                log.info("service.ready", host=settings.host, port=listener.getsockname()[1])
                await Server(door, tls).serve([listener])
        finally:
            await bus.close()


def _tls(settings: Settings) -> TlsFiles:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise BadSettings("Only one of HEADRACE_TLS_CERT and HEADRACE_TLS_KEY is set; HTTPS needs both")
    return settings.tls_cert, settings.tls_key


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _state(bus: Bus) -> ProcessState:
    return ProcessState(GATEWAY, version("headrace-gateway"), ready=bus.connected, relay_leader=False)


async def _bus(request: Request[Any, Any, Any]) -> Bus:
    bus: Bus = request.app.state.bus
    return bus


if __name__ == "__main__":
    main()
