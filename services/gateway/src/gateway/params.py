"""What comes in beside the body: query strings and headers, read strictly, all problems told at once."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

from litestar import Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, create_model
from pydantic_core import PydanticCustomError

from contracts import message
from contracts.message import StrictMessage
from contracts.parsing import parse_body
from contracts.refusal import Malformed, PreconditionFailed, Problem

M = TypeVar("M", bound=BaseModel)
Asked = Request[Any, Any, Any]

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Times outside of these years are typing errors, and at the ends of the calendar they cannot be moved to UTC."""

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
INTEGER = re.compile(r"-?\d{1,19}")
BOOLEANS = {"true": True, "false": False}
ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')


def _in_utc(value: Any) -> Any:
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise PydanticCustomError("datetime_parsing", "not RFC 3339")
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("datetime_parsing", "not in the calendar") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise PydanticCustomError("out_of_range", f"Must be a time between {FIRST_YEAR} and {LAST_YEAR}")
    return moment.astimezone(UTC)


Rfc3339 = Annotated[AwareDatetime, BeforeValidator(_in_utc)]
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


@cache
def _kinds(model: type[BaseModel]) -> dict[str, type]:
    return {
        field.alias or name: kind
        for name, field in model.model_fields.items()
        for kind in (bool, int)
        if kind in _parts(field.annotation)
    }


def _parts(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_parts, get_args(annotation)))


def _value(text: str, kind: type | None) -> Any:
    if kind is bool:
        return BOOLEANS.get(text, text)
    if kind is int and INTEGER.fullmatch(text):
        return int(text)
    return text


def _in_query(problem: Problem) -> Problem:
    return problem.model_copy(update={"pointer": "?" + problem.pointer.removeprefix("/")})
