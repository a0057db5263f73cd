"""What comes in as a body: bounded in size and depth, then read as a contract, all problems told at once."""

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import InternalServerException
from pydantic import BaseModel

from contracts.parsing import parse_body, pointer
from contracts.refusal import Invalid, Malformed, Problem

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
"""Levels of objects and lists in a body: leaves room for what services wrap around it (parsers stop at 200)."""

M = TypeVar("M", bound=BaseModel)
Asked = Request[Any, Any, Any]
Place = tuple[str | int, ...]

STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
SURROGATE = re.compile("[\ud800-\udfff]")
LONE_SURROGATE = "Text cannot hold half a surrogate pair; write the character itself."


async def body_of(model: type[M], request: Asked, empty: bytes = b"") -> M:
    """The body as `model`; `empty` is what no body at all means.

    Raises `Malformed` (no JSON, too deep) and `Invalid` (with every problem).
    """
    read = await parsed_body(model, request, empty)
    if isinstance(read, tuple):
        raise Invalid("invalid_body", "The body cannot be used; `errors` lists everything that is wrong.", read)
    return read


async def parsed_body(model: type[M], request: Asked, empty: bytes = b"") -> M | tuple[Problem, ...]:
    """The body as `model`, or every problem of its content; raises `Malformed` when it is no JSON or too deep."""
    raw = await _raw(request) or empty
    try:
        return parse_body(model, raw)
    except Malformed:
        # The parser takes half a surrogate pair for broken JSON; it is JSON, with text that nobody can keep.
        if problems := _lone_surrogates(raw):
            return problems
        raise


def depth(raw: bytes) -> int:
    """How deep the brackets of a JSON text nest, those inside strings not counted; linear in its length."""
    brackets = STRING.sub(b"", raw).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0)


async def _raw(request: Asked) -> bytes:
    """The bytes of the body; one that is too large is not read to its end."""
    try:
        raw = await request.body()
    except InternalServerException:
        raise Malformed("cut_short", "The body ended before all of it was sent; send it again.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth(raw) > MAX_DEPTH:
        raise Malformed("too_deep", f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")
    return raw


def _lone_surrogates(raw: bytes) -> tuple[Problem, ...]:
    try:
        document = json.loads(raw)
    except ValueError:
        return ()
    return tuple(
        Problem(pointer=SURROGATE.sub("?", pointer(place)), code="lone_surrogate", message=LONE_SURROGATE)
        for place, text in _texts((), document)
        if SURROGATE.search(text)
    )


def _texts(place: Place, value: Any) -> Iterator[tuple[Place, str]]:
    """Every text in a document with its place, names of members included."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield (*place, name), name
            yield from _texts((*place, name), member)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts((*place, index), item)
