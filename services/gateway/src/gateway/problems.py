"""The one shape of everything that goes wrong: RFC 9457 problems, for refusals, routes and defects alike."""

import math
from http import HTTPStatus
from typing import Any

import orjson
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from chassis.ids import new_id
from chassis.logs import get_logger
from contracts.message import View
from contracts.refusal import Failed, Malformed, Problem, Refusal, RefusalView, TooLarge, Unauthenticated
from gateway.auth import challenge
from gateway.bodies import MAX_BODY_BYTES
from gateway.visits import visit_of

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:headrace:problem:"
"""Before the code in `type`: a problem's type is a name, not a page."""
MIN_RETRY_SECONDS = 1

log = get_logger(__name__)
Asked = Request[Any, Any, Any]


class ProblemView(View):
    """Whatever goes wrong (RFC 9457): `code` is stable, `detail` a sentence for people, `errors` every single place."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: tuple[Problem, ...]


def from_refusal(request: Asked, refusal: Refusal) -> Response[bytes]:
    """What a service, or the gateway itself, refused."""
    headers = {}
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = challenge(refusal)
    if refusal.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(max(MIN_RETRY_SECONDS, math.ceil(refusal.retry_after_seconds or 0)))
    return _problem(request, refusal.view(), headers)


def from_http(request: Asked, error: HTTPException) -> Response[bytes]:
    """What the framework refused: a route, a method, a size."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return from_defect(request, error)
    headers = {}
    if allowed := (error.headers or {}).get("allow"):
        headers["Allow"] = ", ".join(sorted(method.strip() for method in allowed.split(",")))
    return _problem(request, _explained(request, error, headers.get("Allow", "")), headers)


def from_defect(request: Asked, error: Exception) -> Response[bytes]:
    """What nobody foresaw: logged whole under an id, answered with the id alone."""
    error_id = str(new_id())
    log.error("http.defect", error_id=error_id, method=request.method, path=request.scope["path"], exc_info=error)
    failed = Failed("internal_error", f"Something broke on our side. Tell the operator this id: {error_id}.")
    return _problem(request, failed.view(), {})


HANDLERS: ExceptionHandlersMap = {Refusal: from_refusal, HTTPException: from_http, Exception: from_defect}


def _explained(request: Asked, error: HTTPException, allowed: str) -> RefusalView:
    path = request.scope["path"]
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            detail = f"There is nothing at {path}; /docs lists what there is."
            return RefusalView(status=404, code="not_found", title="Not found", detail=detail)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            detail = f"{request.method} is not possible at {path}; possible: {allowed}."
            return RefusalView(status=405, code="method_not_allowed", title="Method not allowed", detail=detail)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge("too_large", f"A body may have at most {MAX_BODY_BYTES:,} bytes.").view()
    return Malformed("bad_request", f"The request cannot be read: {error.detail}").view()


def _problem(request: Asked, view: RefusalView, headers: dict[str, str]) -> Response[bytes]:
    visit_of(request.scope).refusal = view.code
    content = orjson.dumps(
        {
            "type": TYPE_PREFIX + view.code,
            "title": view.title,
            "status": view.status,
            "detail": view.detail,
            "instance": _encodable(request.scope["path"]),
            "code": view.code,
            "errors": [error.model_dump() for error in view.errors],
        }
    )
    return Response(content, status_code=view.status, media_type=MEDIA_TYPE, headers=headers)


def _encodable(path: str) -> str:
    return path.encode(errors="replace").decode()
