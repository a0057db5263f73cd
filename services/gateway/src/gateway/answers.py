"""What goes out when nothing is wrong: a service's own bytes, with the right status and headers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from litestar import Response

API = "/api/v2"
"""Where the interface lives; every `Location` begins with it."""
JSON = "application/json"


def passed(reply: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """A service's answer as it came: its view is the HTTP shape."""
    return Response(reply, status_code=status, media_type=JSON, headers=dict(headers or {}))


def made(view: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """An answer that the gateway puts together itself."""
    return passed(orjson.dumps(view), status, headers)


def member(reply: bytes, name: str) -> Any:
    """One member of a service's answer, for a header or a status."""
    return orjson.loads(reply)[name]


def etag(version: int) -> dict[str, str]:
    """The header that names a blueprint's version."""
    return {"ETag": f'"{version}"'}


def location(collection: str, identifier: UUID | str) -> dict[str, str]:
    """The header that says where the new thing is."""
    return {"Location": f"{API}/{collection}/{identifier}"}
