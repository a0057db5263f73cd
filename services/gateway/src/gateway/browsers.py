"""What a browser should hear with every answer, and whose pages may read it."""

from collections.abc import Iterable

from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from chassis.settings import BadSettings
from gateway.answers import API

ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
PRIVATE = (b"cache-control", b"no-store")
"""What a caller may see is nobody else's to keep."""
INERT = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""An answer is data: whoever makes a browser show it as a page gets a page that may do nothing."""
ASKED_HEADERS = ("authorization", "content-type", "idempotency-key", "if-match", "traceparent")
TOLD_HEADERS = ("Location", "ETag", "Retry-After", "X-Instance-Id", "WWW-Authenticate")


class Guarded:
    """An ASGI application whose answers tell browsers what not to do with them."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        wanted = (*ALWAYS, PRIVATE, INERT) if scope["path"].startswith(API) else (*ALWAYS, INERT)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message.get("headers", ()), wanted)
            await send(message)

        await self._app(scope, receive, sending)


def completed(
    headers: Iterable[tuple[bytes, bytes]], wanted: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """The headers with those that are wanted, where the answer does not say something else."""
    said = list(headers)
    names = {name.lower() for name, _ in said}
    return said + [header for header in wanted if header[0] not in names]


def cors(origins: str) -> CORSConfig | None:
    """What pages of these origins (comma-separated) may do; None: pages of others may do nothing."""
    allowed = [origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()]
    if not allowed:
        return None
    for origin in allowed:
        if not origin.startswith(("http://", "https://")) or "*" in origin:
            raise BadSettings(
                f"HEADRACE_CORS_ORIGINS={origins!r} cannot be used: {origin!r} is no origin; "
                "write each as https://app.example"
            )
    return CORSConfig(
        allow_origins=allowed,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=list(ASKED_HEADERS),
        expose_headers=list(TOLD_HEADERS),
    )
