"""What comes in as a body: bounded in size and depth, then read as a contract, all problems told at once."""

import asyncio
import re
from itertools import accumulate
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import InternalServerException
from pydantic import BaseModel

from contracts.parsing import parse_body
from contracts.refusal import Invalid, Malformed, Problem, UnknownMedia
from gateway.answers import JSON

MAX_BODY_BYTES = 4 * 1024 * 1024
BODY_SECONDS = 30.0
"""How long a body may take to arrive."""
READ_AS_JSON = frozenset({"", JSON, "text/json", "text/plain", "application/x-www-form-urlencoded"})
"""The last one is what curl says of a body when it is told nothing."""
MAX_DEPTH = 100
"""Levels of objects and lists in a body: leaves room for what services wrap around it (parsers stop at 200)."""

M = TypeVar("M", bound=BaseModel)
Asked = Request[Any, Any, Any]

CHARSET = re.compile(r"charset\s*=\s*\"?([\w.-]+)")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


async def body_of(model: type[M], request: Asked, empty: bytes = b"") -> M:
    """The body as `model`; `empty` is what no body at all means.

    Raises `Malformed` (no JSON, too deep) and `Invalid` (with every problem).
    """
    read = await parsed_body(model, request, empty)
    if isinstance(read, tuple):
        raise unusable(read)
    return read


async def parsed_body(model: type[M], request: Asked, empty: bytes = b"") -> M | tuple[Problem, ...]:
    """The body as `model`, or every problem of its content; raises `Malformed` when it is no JSON or too deep."""
    return parse_body(model, await _raw(request) or empty)


def unusable(problems: tuple[Problem, ...]) -> Invalid:
    """The refusal of a body for all its problems."""
    return Invalid("invalid_body", "The body cannot be used; `errors` lists everything that is wrong.", problems)


def depth(raw: bytes) -> int:
    """How deep the brackets of a JSON text nest, those inside strings not counted; linear in its length."""
    brackets = STRING.sub(b"", raw).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0)


async def _raw(request: Asked) -> bytes:
    """The bytes of the body; one that is too large, or comes too slowly, is not read to its end."""
    _refuse_other_media(request)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.body()
    except TimeoutError:
        sentence = f"The body did not arrive within {BODY_SECONDS:g} seconds; send it again."
        raise Malformed("too_slow", sentence) from None
    except InternalServerException:
        raise Malformed("cut_short", "The body ended before all of it was sent; send it again.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth(raw) > MAX_DEPTH:
        raise Malformed("too_deep", f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")
    return raw


def _refuse_other_media(request: Asked) -> None:
    """Bodies are JSON, whatever clients call it that say nothing of their own; not JSON are those that say so."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnknownMedia("packed", "Bodies are read as they are; send this one without Content-Encoding.")
    kind, _, parameters = request.headers.get("content-type", JSON).lower().partition(";")
    if kind.strip() not in READ_AS_JSON and not kind.strip().endswith("+json"):
        raise UnknownMedia("not_json", f"A body is {JSON}; this one says that it is something else.")
    charset = CHARSET.search(parameters)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise UnknownMedia("not_utf8", "A body is JSON in UTF-8.")
