"""Every request on the trace, in the counters and in the log, whether it found a route or not."""

import re

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

from chassis import clock, telemetry
from chassis.logs import get_logger

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
IDENTIFIER = re.compile(r"(?<=/)[0-9a-fA-F-]{32,36}(?=/|$)|(?<=/nodes/)[^/]+(?=/)")
NO_ROUTE = "none"
QUIET = ("/health/", "/metrics")
"""What probes ask every few seconds: counted, but logged only when it fails."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SERVER_ERROR = 500

REQUESTS = Counter(
    "headrace_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=telemetry.REGISTRY
)
SECONDS = Histogram(
    "headrace_http_request_seconds",
    "Time to answer an HTTP request, a stream to its end",
    ["method", "route"],
    buckets=BUCKETS,
    registry=telemetry.REGISTRY,
)
IN_FLIGHT = Gauge("headrace_http_requests_in_flight", "HTTP requests being answered", registry=telemetry.REGISTRY)
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})

log = get_logger(__name__)


class Observed:
    """An ASGI application with one span, one count and one log line around each request."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == ScopeType.HTTP:
            await self._observe(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _observe(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began = clock.monotonic()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        name = f"{scope['method']} {IDENTIFIER.sub('{id}', scope['path'])}"
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        with IN_FLIGHT.track_inprogress(), telemetry.span(name, _parent(scope), attributes) as span:
            try:
                await self._app(scope, receive, sending)
            finally:
                span.set("http.response.status_code", status)
                _tell(scope, status, clock.monotonic() - began)


def _tell(scope: HTTPScope, status: int, seconds: float) -> None:
    route = scope.get("path_template") or NO_ROUTE
    method = scope["method"] if scope["method"] in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
    facts = {"method": scope["method"], "path": scope["path"], "status": status, "ms": round(seconds * 1000, 2)}
    if scope["path"].startswith(QUIET) and status < SERVER_ERROR:
        log.debug("http.request", **facts)
    else:
        log.info("http.request", **facts)


def _parent(scope: HTTPScope) -> str | None:
    """The trace that the client is in already, when it says so in the W3C form."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text = value.decode("latin-1")
            return text if TRACEPARENT.fullmatch(text) else None
    return None
