"""Analytics of blueprints and usage of users over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Response, get
from pydantic import Field, create_model

from chassis import clock
from contracts.blueprint import BlueprintReference, ResolveBlueprint
from contracts.message import StrictMessage
from contracts.metrics import BlueprintAnalytics, GetBlueprintAnalytics, GetUsage, UsageView
from contracts.refusal import Malformed, Problem
from gateway import examples
from gateway.answers import passed
from gateway.api import Asked, House, Id, Who
from gateway.asking import look
from gateway.operation import Operation, Outcome, described
from gateway.params import Rfc3339, query_of

DEFAULT_WINDOW = timedelta(days=30)

FIELDS: dict[str, Any] = {
    "from": (
        Rfc3339 | None,
        Field(default=None, description="Begin of the window; 30 days before its end by default."),
    ),
    "to": (Rfc3339 | None, Field(default=None, description="End of the window, not part of it; now by default.")),
}
WindowKeys = create_model("WindowKeys", __base__=StrictMessage, **FIELDS)
"""The query keys of a window; `from` is no name that a class body could hold."""


@get(
    "/blueprints/{id:uuid}/analytics",
    operation_id="getBlueprintAnalytics",
    opt=described(
        Operation(
            query=WindowKeys,
            outcomes={200: Outcome("How it did in the window.", BlueprintAnalytics, examples.ANALYTICS)},
        )
    ),
)
async def get_blueprint_analytics(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """How a blueprint did: executions by outcome, durations, tokens, cost, the slowest nodes."""
    since, until = _window(request)
    reference = await look(bus, ResolveBlueprint(caller=caller, blueprint_id=id))
    blueprint = BlueprintReference.model_validate_json(reference)
    query = GetBlueprintAnalytics(caller=caller, since=since, until=until, blueprint=blueprint)
    return passed(await look(bus, query))


@get(
    "/analytics/usage",
    operation_id="getUsage",
    opt=described(
        Operation(
            query=WindowKeys,
            outcomes={200: Outcome("What you used in the window.", UsageView, examples.USAGE)},
        )
    ),
)
async def get_usage(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """What you used: executions, tokens and cost, by blueprint and by day."""
    since, until = _window(request)
    return passed(await look(bus, GetUsage(caller=caller, since=since, until=until)))


def _window(request: Asked) -> tuple[datetime, datetime]:
    """Half open, in UTC; raises `Malformed` when it holds nothing."""
    keys = dict(query_of(WindowKeys, request))
    until: datetime = keys["to"] or clock.now()
    since: datetime = keys["from"] or until - DEFAULT_WINDOW
    if since >= until:
        problem = Problem(pointer="?from", code="empty_window", message="`from` must be before `to`.")
        raise Malformed("bad_query", "The window holds no time: `from` must be before `to`.", (problem,))
    return since, until


ENDPOINTS = (get_blueprint_analytics, get_usage)
