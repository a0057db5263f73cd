"""What comes in: bodies, query strings and headers, read strictly, all problems told at once."""

import re
from datetime import UTC, datetime
from itertools import accumulate
from typing import Annotated, Any, TypeVar, get_args

from litestar import Request
from litestar.exceptions import InternalServerException
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, create_model
from pydantic_core import PydanticCustomError

from contracts import message
from contracts.message import StrictMessage
from contracts.parsing import parse_body, read_body
from contracts.refusal import Malformed, PreconditionFailed, Problem

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
"""Levels of objects and lists in a body: leaves room for what services wrap around it (parsers stop at 200)."""

M = TypeVar("M", bound=BaseModel)
Asked = Request[Any, Any, Any]

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Times outside of these years cannot be moved between zones."""

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
INTEGER = re.compile(r"-?\d{1,19}")
BOOLEANS = {"true": True, "false": False}
ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _written_as_rfc3339(value: Any) -> Any:
    if isinstance(value, str) and not RFC3339.fullmatch(value):
        raise PydanticCustomError("datetime_parsing", "not RFC 3339")
    return value


def _in_utc(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise PydanticCustomError("out_of_range", f"Must be a time between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.astimezone(UTC)


Rfc3339 = Annotated[AwareDatetime, BeforeValidator(_written_as_rfc3339), AfterValidator(_in_utc)]
"""A time with its zone, as people write it; UTC inside."""

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The version of a blueprint."""


def query_model(request: type[message.Request], *besides: str) -> type[BaseModel]:
    """The query keys of an endpoint that asks `request`: its members, without the caller and those in `besides`."""
    fields: dict[str, Any] = {
        name: (Rfc3339 | None if datetime in get_args(field.annotation) else field.annotation, field)
        for name, field in request.model_fields.items()
        if name not in {"caller", *besides}
    }
    return create_model(f"{request.__name__}Query", __base__=StrictMessage, **fields)


def query_of(model: type[M], request: Asked) -> M:
    """The query string as `model`; raises `Malformed` with every key that is unknown, doubled or has a bad value."""
    document: dict[str, Any] = {}
    doubled: list[Problem] = []
    kinds = _kinds(model)
    for key, value in request.query_params.multi_items():
        if key in document:
            doubled.append(Problem(pointer=f"?{key}", code="doubled", message=f"`{key}` may be given once."))
        document[key] = _value(value, kinds.get(key))
    read = parse_body(model, document)
    if isinstance(read, tuple) or doubled:
        found = read if isinstance(read, tuple) else ()
        problems = (*doubled, *(_in_query(problem) for problem in found))
        raise Malformed("bad_query", "The query string cannot be used; see `errors`.", problems)
    return read


async def body_of(model: type[M], request: Asked, empty: bytes = b"") -> M:
    """The body as `model`; `empty` is what no body at all means.

    Raises `Malformed` (no JSON, too deep) and `Invalid` (with every problem).
    """
    return read_body(model, await raw_body(request) or empty)


async def raw_body(request: Asked) -> bytes:
    """The bytes of the body, refused when they nest too deep; a body that is too large is not read to its end."""
    try:
        raw = await request.body()
    except InternalServerException:
        raise Malformed("cut_short", "The body ended before all of it was sent; send it again.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth(raw) > MAX_DEPTH:
        raise Malformed("too_deep", f"The body nests deeper than {MAX_DEPTH} levels; flatten it.")
    return raw


def depth(raw: bytes) -> int:
    """How deep the brackets of a JSON text nest, those inside strings not counted; linear in its length."""
    brackets = STRING.sub(b"", raw).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0)


def if_match(request: Asked) -> int | None:
    """The version that an `If-Match` header names; None without one, or for `*`."""
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return None
    if found := ETAG.fullmatch(header):
        return int(found[1])
    raise PreconditionFailed("version_mismatch", f"If-Match {header} names no version; GET the blueprint for its ETag.")


def idempotency_key(request: Asked, longest: int) -> str | None:
    """The `Idempotency-Key` header, when there is one."""
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= longest and key.isascii() and key.isprintable()):
        raise Malformed("bad_idempotency_key", f"Idempotency-Key must have 1 to {longest} printable ASCII characters.")
    return key


def _kinds(model: type[BaseModel]) -> dict[str, type]:
    return {
        field.alias or name: kind
        for name, field in model.model_fields.items()
        for kind in (bool, int)
        if field.annotation is kind or kind in get_args(field.annotation)
    }


def _value(text: str, kind: type | None) -> Any:
    if kind is bool:
        return BOOLEANS.get(text, text)
    if kind is int and INTEGER.fullmatch(text):
        return int(text)
    return text


def _in_query(problem: Problem) -> Problem:
    return problem.model_copy(update={"pointer": "?" + problem.pointer.removeprefix("/")})
