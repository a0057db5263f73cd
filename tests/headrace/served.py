"""A gateway behind a socket, for commands: it answers each path as a test tells it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Served:
    """A gateway behind a socket that answers each path as a test tells it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.bodies: list[Any] = []
        self.asked: list[str] = []
        self.tokens: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.bodies.append(json.loads(content) if content else None)
                outer.asked.append(f"{self.command} {self.path.removeprefix('/api/v2')}")
                outer.tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
                status, answer = outer.answers[self.path.removeprefix("/api/v2")]
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that the standard library looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def served_gateway() -> Iterator[Served]:
    """Serves it in a thread."""
    served = Served()
    thread = Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()
