"""What an orchestrator asks a process over HTTP: whether it lives, whether it takes work, and its metrics."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from chassis import telemetry

LIVE, READY, METRICS = "/health/live", "/health/ready", "/metrics"
LIVE_SECONDS = 5.0
"""An event loop that has not turned for so long is taken for dead."""
READY_SECONDS = 2.0
OK, NOT_FOUND, UNAVAILABLE = 200, 404, 503

Check = Callable[[], Awaitable[bool]]
Answer = tuple[int, str, bytes]


class Probes:
    """Answers in a thread of its own, so that a busy event loop is told from a dead one."""

    def __init__(self) -> None:
        """A process that is still starting lives and is not ready."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: Check | None = None
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return self._server.server_address[1] if self._server is not None else None

    def serve(self, port: int | None) -> "Probes":
        """Listen on the port, where one is set."""
        if port is not None:
            self._server = ThreadingHTTPServer(("", port), _handler(self))
            threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()
        return self

    def follow(self, ready: Check) -> None:
        """From now on the running loop is what lives, and `ready` says whether it takes work."""
        self._loop, self._ready = asyncio.get_running_loop(), ready

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> Answer:
        """Status, type and body for a path; asked from a thread that is not the loop's."""
        if path == METRICS:
            return OK, CONTENT_TYPE_LATEST, telemetry.render_metrics()
        if path == LIVE:
            return _said("live", "the event loop stands", well=self._loop is None or self._asked(_turns, LIVE_SECONDS))
        if path == READY:
            ready = self._ready is not None and self._asked(self._ready, READY_SECONDS)
            return _said("ready", "starting, draining, or without NATS or Postgres", well=ready)
        return NOT_FOUND, "text/plain", f"ask {LIVE}, {READY} or {METRICS}\n".encode()

    def _asked(self, check: Check, seconds: float) -> bool:
        if self._loop is None or self._loop.is_closed():
            return False
        try:
            return bool(asyncio.run_coroutine_threadsafe(_await(check), self._loop).result(seconds))
        except (FutureTimeout, RuntimeError):
            return False


def _said(yes: str, no: str, *, well: bool) -> Answer:
    return (OK, "text/plain", f"{yes}\n".encode()) if well else (UNAVAILABLE, "text/plain", f"{no}\n".encode())


async def _turns() -> bool:
    return True


async def _await(check: Check) -> bool:
    return await check()


def _handler(probes: Probes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers a GET as `probes` says."""

        def do_GET(self) -> None:
            """One question."""
            status, kind, body = probes.answer(self.path.split("?", 1)[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Probes come every few seconds: nothing to write down."""

    return Handler
