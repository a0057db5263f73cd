"""The gateway, wired: routes, authentication, problems, and the process around them."""

import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson
import uvicorn
from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide

from chassis import telemetry
from chassis.bus import Bus
from chassis.logs import configure_logging, get_logger
from chassis.settings import BadSettings, Settings
from gateway.answers import API
from gateway.api import analytics, blueprints, executions, health, instances
from gateway.auth import Tokens, caller_of
from gateway.observing import Observed
from gateway.openapi import document
from gateway.params import MAX_BODY_BYTES
from gateway.problems import HANDLERS

DRAIN_SECONDS = 10
"""What is in flight at a SIGTERM may take so long to finish."""
KEEP_ALIVE_SECONDS = 75
"""Longer than most load balancers keep a connection, so that it is they who close it."""
BACKLOG = 1_024
ENDPOINTS = (*blueprints.ENDPOINTS, *executions.ENDPOINTS, *instances.ENDPOINTS, *analytics.ENDPOINTS)
"""Everything under /api/v2."""

log = get_logger(__name__)


def openapi_document() -> dict[str, Any]:
    """The description of the interface, as `/openapi.json` serves it; needs no connection."""
    return document(ENDPOINTS)


def create_app(settings: Settings) -> Litestar:
    """The application; it connects to NATS when it is started, not when it is made."""
    secret = settings.jwt_secret
    if secret is None:
        raise BadSettings("HEADRACE_JWT_SECRET is not set; the gateway needs the key that tokens are signed with")
    router = Router(API, route_handlers=list(ENDPOINTS), dependencies={"caller": Provide(caller_of)})
    state = State({"tokens": Tokens(secret.get_secret_value()), "openapi": orjson.dumps(openapi_document())})
    return Litestar(
        [router, *health.ENDPOINTS],
        dependencies={"bus": Provide(_bus)},
        exception_handlers=HANDLERS,
        lifespan=[_connected(settings)],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=MAX_BODY_BYTES,
        state=state,
    )


def server(settings: Settings) -> uvicorn.Server:
    """The application behind uvicorn, ready to serve."""
    return uvicorn.Server(
        uvicorn.Config(
            Observed(create_app(settings)),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight."""
    settings = Settings.load()
    configure_logging("gateway", settings.log_level, settings.log_format)
    telemetry.start_tracing("gateway")
    # uvicorn raises the signal again when it is done; by then there is nothing left to do.
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: sys.exit(0))
    serving = server(settings)
    listener = serving.config.bind_socket()
    log.info("gateway.listens", host=settings.host, port=listener.getsockname()[1])
    try:
        serving.run(sockets=[listener])
    finally:
        telemetry.stop_tracing()


def _connected(settings: Settings) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.bus = await Bus.connect(settings.nats_url, settings.namespace, "gateway")
        try:
            yield
        finally:
            await app.state.bus.close()

    return lifespan


async def _bus(request: Request[Any, Any, Any]) -> Bus:
    bus: Bus = request.app.state.bus
    return bus


if __name__ == "__main__":
    try:
        main()
    except BadSettings as error:
        sys.exit(str(error))
