"""The published OpenAPI document as a judge: an answer over HTTP has a listed status and exactly the listed members."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MOMENTS = frozenset(
    {"time", "from", "to", "as_of", "created_at", "updated_at", "archived_at", "started_at", "completed_at", "due_at"}
    | {"at", "expires_at", "revoked_at"}
)
FREE_FORM = frozenset({"input", "output", "metadata", "config", "data", "form"})
"""Members whose content is the user's own."""
LEFT_OUT = frozenset({"on_error"})
"""Members that are not there where they would say nothing."""
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"
HEARTBEAT = {"event": "Heartbeat"}


class Interface:
    """Holds answers against the document that the gateway serves."""

    def __init__(self, document: dict[str, Any]) -> None:
        """`document` is `/openapi.json`."""
        self.document = document
        self._document = _exact(document)
        self._paths = [(_pattern(path), operations) for path, operations in document["paths"].items()]
        self.judged: set[tuple[str, str, int]] = set()
        """Which answers have been seen: method, path of the document, status."""

    def judge(self, response: httpx.Response) -> None:
        """Raise AssertionError with everything that is not as documented; other paths than the API's pass."""
        request = response.request
        asked = f"{request.method} {request.url} -> {response.status_code}"
        path = urlsplit(str(request.url)).path
        found = next((operations for pattern, operations in self._paths if pattern.fullmatch(path)), None)
        if found is None or request.method.lower() not in found:
            return
        operation = found[request.method.lower()]
        self.judged.add((request.method, operation["operationId"], response.status_code))
        listed = operation["responses"].get(str(response.status_code))
        assert listed is not None, f"{asked}: the status is not listed: {response.text}"
        self._judge_listed(asked, self._resolved(listed), response)

    def _judge_listed(self, asked: str, listed: dict[str, Any], response: httpx.Response) -> None:
        missing = [name for name in listed.get("headers", {}) if name not in response.headers]
        assert not missing, f"{asked}: headers {missing} are missing"
        content = listed.get("content")
        if content is None:
            assert not response.content, f"{asked}: a body where none is documented"
            return
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in content, f"{asked}: {media_type} is not one of {sorted(content)}"
        schema = content[media_type]["schema"]
        for body in _bodies(media_type, response.text):
            self._judge_body(asked, schema, body)

    def _judge_body(self, asked: str, schema: dict[str, Any], body: Any) -> None:
        whole = {**schema, "components": self._document["components"]}
        faults = [f"{list(fault.instance_path)}: {fault.message}" for fault in jsonschema_rs.iter_errors(whole, body)]
        faults += [f"{name} is no time in UTC with milliseconds: {value}" for name, value in _bad_moments(body)]
        assert not faults, f"{asked}: {faults}\n{body}"

    def _resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        reference = response.get("$ref")
        if reference is None:
            return response
        found: dict[str, Any] = self._document["components"]["responses"][reference.rpartition("/")[2]]
        return found


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


def _exact(document: dict[str, Any]) -> dict[str, Any]:
    """The document with schemas that know no further members, and no optional ones but those that may be left out."""
    exact: dict[str, Any] = json.loads(json.dumps(document))
    for schema in exact["components"]["schemas"].values():
        if "properties" in schema:
            schema["required"] = [name for name in schema["properties"] if name not in LEFT_OUT]
            schema["additionalProperties"] = False
    return exact


def _bodies(media_type: str, text: str) -> Iterator[Any]:
    if media_type != NDJSON:
        yield json.loads(text)
        return
    lines = (json.loads(line) for line in text.splitlines())
    yield from (line for line in lines if line != HEARTBEAT)


def _bad_moments(body: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(body, list):
        for item in body:
            yield from _bad_moments(item)
    elif isinstance(body, dict):
        for name, value in body.items():
            if name in MOMENTS and value is not None and not MOMENT.fullmatch(str(value)):
                yield name, value
            if name not in FREE_FORM:
                yield from _bad_moments(value)
