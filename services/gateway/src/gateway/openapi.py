"""The OpenAPI 3.1 document, written from the endpoints themselves: their paths, models, examples and docstrings."""

import inspect
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from litestar.handlers import HTTPRouteHandler
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts.refusal import Problem
from contracts.workflow import NODE_ID_PATTERN
from gateway import examples
from gateway.answers import API
from gateway.operation import OPERATION, Operation, Outcome
from gateway.problems import MEDIA_TYPE, ProblemView
from gateway.segments import PATTERNS

VERSION = "2.0.0"
DESCRIPTION = (
    "Blueprints are versioned graphs of work; executing one makes an instance that survives crashes. "
    "Times are RFC 3339 in UTC with milliseconds, costs US dollars, ids UUIDv7. "
    "Unknown query keys and body members are refused; whatever goes wrong is one shape, a problem."
)
REF = "#/components/schemas/{model}"
PATH_PARAMETER = re.compile(r"\{(\w+):\w+\}")
UUID = {"type": "string", "format": "uuid"}
PATH_SCHEMAS = {"node_id": {"type": "string", "pattern": NODE_ID_PATTERN}, **PATTERNS}
"""What stands in a path where it is no UUID."""
LINKED = {
    "createBlueprint": ("201", "/blueprints/{id}", "$response.body#/id"),
    "cloneBlueprint": ("201", "/blueprints/{id}", "$response.body#/id"),
    "executeBlueprint": ("202", "/instances/{id}", "$response.body#/instance_id"),
}
"""Who makes something: the status, the paths that then lead to it, and where its id stands in the answer."""
ALWAYS = (400, 401, 403, 429, 500, 503)
"""Problems that every endpoint may answer."""
WITH_ID = (404,)
WITH_BODY = (413, 415, 422)
RETRY_STATUSES = (429, 503)
MEANING = {
    400: "Malformed JSON, or a query string that cannot be used.",
    401: "No token or API key, or one that does not hold.",
    403: "Seen, but not allowed: by the role in its team, or by the scopes of the API key.",
    404: "Not there, or not visible to you.",
    409: "Its state does not allow it.",
    412: "`If-Match` names another version.",
    413: "Larger than 4 MiB.",
    415: "A body that says that it is no JSON in UTF-8.",
    422: "Well-formed, but its content breaks rules; `errors` lists all of them.",
    429: "A rate, a quota, or too many tokens that did not hold; come back after `Retry-After`.",
    500: "A defect on our side; `detail` names the id to look for in the logs.",
    503: "Not now; try again after `Retry-After`.",
}

QUERY_KEYS = {
    "limit": "How many items a page holds.",
    "cursor": "The `next_cursor` of the page before.",
    "owner": "Only those of this user.",
    "team": "Only those of this team.",
    "tag": "Only those with this tag.",
    "q": "Only those with this text in their name or description.",
    "node_type": "Only those with a node of this type.",
    "is_template": "Only templates, or only others.",
    "status": "Only those with this status.",
    "blueprint_id": "Only those of this blueprint.",
    "conversation_id": "Only those of this conversation.",
    "since": "Created at this time or later.",
    "until": "Created before this time.",
    "after": "Only what follows this `seq`.",
    "level": "Only entries of this level.",
}
"""What a query key is for, where its model does not say."""


def document(endpoints: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The description of these endpoints, which all live under /api/v2."""
    described = [(handler, _operation(handler)) for handler in endpoints]
    schemas, definitions = _schemas([operation for _, operation in described])
    paths: dict[str, dict[str, Any]] = {}
    for handler, operation in described:
        path = API + PATH_PARAMETER.sub(r"{\1}", next(iter(handler.paths)))
        method = next(iter(handler.http_methods)).lower()
        paths.setdefault(path, {})[method] = _described(handler, operation, schemas, path)
    _link(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(path) for path in paths)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": {str(status): _problem(status) for status in MEANING},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key"}},
        },
    }


def _operation(handler: HTTPRouteHandler) -> Operation:
    operation = handler.opt[OPERATION]
    if not isinstance(operation, Operation):
        raise TypeError(f"{handler} does not describe its operation")
    return operation


def _schemas(operations: list[Operation]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    bodies = {operation.body for operation in operations if operation.body}
    queries = {operation.query for operation in operations if operation.query}
    views = {outcome.model for operation in operations for outcome in operation.outcomes.values() if outcome.model}
    shown = [(model, "serialization") for model in {*views, Problem, ProblemView}]
    taken = [(model, "validation") for model in {*bodies, *queries}]
    wanted: Any = sorted(shown + taken, key=lambda pair: (pair[0].__name__, pair[1]))
    by_model, document = models_json_schema(wanted, ref_template=REF)
    asked_in_queries = {query.__name__ for query in queries}
    definitions = {name: schema for name, schema in document["$defs"].items() if name not in asked_in_queries}
    inlined = {(query, "validation"): document["$defs"][query.__name__] for query in queries}
    return by_model | inlined, definitions


def _described(handler: HTTPRouteHandler, operation: Operation, schemas: Any, path: str) -> dict[str, Any]:
    text = inspect.getdoc(handler.fn) or ""
    described: dict[str, Any] = {
        "operationId": handler.operation_id,
        "summary": text.split(":")[0].split(";")[0].split(",")[0].rstrip("."),
        "description": text,
        "tags": [_tag(path)],
        "parameters": _parameters(operation, schemas, path),
        "responses": _responses(operation, schemas, path),
    }
    if operation.body:
        content = {"schema": schemas[operation.body, "validation"], "example": operation.example}
        described["requestBody"] = {"required": not operation.body_optional, "content": {"application/json": content}}
    return described


def _parameters(operation: Operation, schemas: Any, path: str) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": PATH_SCHEMAS.get(name, UUID)}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    in_headers = [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    ]
    return in_path + _query_parameters(operation.query, schemas) + in_headers


def _query_parameters(query: type[BaseModel] | None, schemas: Any) -> list[dict[str, Any]]:
    if query is None:
        return []
    members = schemas[query, "validation"].get("properties", {})
    return [{"name": name, "in": "query", **_parameter(name, schema)} for name, schema in members.items()]


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Without what only a JSON body can be: null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key in {"type", "format", "enum", "minimum", "maximum"}}
    plain = choices[0] if choices else kept
    if schema.get("default") is not None:
        plain = {**plain, "default": schema["default"]}
    return {"description": schema.get("description") or QUERY_KEYS[name], "schema": plain}


def _responses(operation: Operation, schemas: Any, path: str) -> dict[str, Any]:
    refusals = {*ALWAYS, *operation.refusals}
    refusals |= set(WITH_ID) if "{" in path else set()
    refusals |= set(WITH_BODY) if operation.body else set()
    well = {str(status): _response(outcome, schemas) for status, outcome in operation.outcomes.items()}
    return well | {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refusals)}


def _link(paths: dict[str, dict[str, Any]]) -> None:
    """Say of what is made where it can be used."""
    described = {found["operationId"]: (path, found) for path, methods in paths.items() for found in methods.values()}
    for maker in LINKED.keys() & described.keys():
        status, prefix, place = LINKED[maker]
        described[maker][1]["responses"][status]["links"] = {
            name: {"operationId": name, "parameters": {"id": place}}
            for name, (path, _) in described.items()
            if path.startswith(API + prefix)
        }


def _response(outcome: Outcome, schemas: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"description": outcome.description}
    if outcome.headers:
        response["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in outcome.headers.items()
        }
    if outcome.model:
        content = {"schema": schemas[outcome.model, "serialization"], "example": outcome.example}
        response["content"] = {outcome.media_type: content}
    return response


def _problem(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": MEANING[status],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": REF.format(model=ProblemView.__name__)},
                "example": examples.problem(status, HTTPStatus(status).phrase, MEANING[status]),
            }
        },
    }
    if status in RETRY_STATUSES:
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return response


def _tag(path: str) -> str:
    return "analytics" if path.endswith("/analytics") else path.removeprefix(API).split("/")[1]
