"""A small client of the HTTP API: one method for each route, pages followed, refusals raised as `ProblemError`."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from headrace.errors import Complaint, FieldProblem, ProblemError, Unreachable

JsonObject = dict[str, Any]

API = "/api/v2"
ENDED = frozenset({"completed", "failed", "cancelled", "terminated"})
PAGE = 200
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 75.0
"""Longer than the longest synchronous wait (60 s)."""
SILENCE_SECONDS = 60.0
"""A stream says something at least every 15 s."""
POLL_SECONDS = 0.1


class Headrace:
    """A connection to one gateway as one user. Use it as a context manager, or `close` it."""

    def __init__(self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        """`url` is the gateway's root, `token` a bearer JWT; `transport` replaces the network in tests."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def readiness(self) -> JsonObject:
        """What `/health/ready` says, also when the answer is that something is not ready (503)."""
        answer = self._send("GET", "/health/ready")
        try:
            return dict(answer.json())
        except ValueError:
            return {"status": answer.reason_phrase}

    def create_blueprint(self, body: Mapping[str, Any]) -> JsonObject:
        """Record version 1 of a blueprint; refused with all its problems at once."""
        return self._ask("POST", "/blueprints", json=body)

    def check_blueprint(self, body: Mapping[str, Any]) -> JsonObject:
        """`{valid, problems}` of a blueprint; nothing is written."""
        return self._ask("POST", "/blueprints", json=body, params={"dry_run": "true"})

    def update_blueprint(self, blueprint_id: str, body: Mapping[str, Any], if_match: int | None = None) -> JsonObject:
        """Record the next version; `if_match` is the version that was read (refused with 412 if it moved on)."""
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        return self._ask("PUT", f"/blueprints/{_part(blueprint_id)}", json=body, headers=headers)

    def delete_blueprint(self, blueprint_id: str) -> None:
        """Archive it: running instances finish, new executions are refused."""
        self._refuse_problems(self._send("DELETE", f"{API}/blueprints/{_part(blueprint_id)}"))

    def clone_blueprint(self, template_id: str, name: str | None = None) -> JsonObject:
        """A private blueprint of one's own, made from a template."""
        return self._ask("POST", f"/blueprints/{_part(template_id)}/clone", json={"name": name} if name else {})

    def blueprint(self, blueprint_id: str, version: int | None = None) -> JsonObject:
        """One version with its nodes and edges, the latest by default."""
        return self._ask("GET", f"/blueprints/{_part(blueprint_id)}", params=_given(version=version))

    def blueprints(self, **filters: Any) -> Iterator[JsonObject]:
        """Every visible blueprint, newest first, without graphs; filters: owner, team, tag, q, node_type."""
        return self._pages("/blueprints", filters)

    def templates(self, **filters: Any) -> Iterator[JsonObject]:
        """The template library, newest first; filters: tag, q."""
        return self._pages("/templates", filters)

    def execute(self, blueprint_id: str, input: Any = None, *, mode: str = "sync", **body: Any) -> JsonObject:
        """Run a blueprint: `{instance_id, status}`, and when it ended in time (sync) output, metrics and error.

        Further members of the body: config, conversation_id, metadata.
        """
        path = f"/blueprints/{_part(blueprint_id)}/execute"
        return self._ask("POST", path, json={"input": input, **body}, params={"mode": mode})

    def stream(self, blueprint_id: str, input: Any = None, **body: Any) -> Iterator[JsonObject]:
        """Run a blueprint and follow it: one `{seq, event, instance_id, time, data}` after the other."""
        path = f"{API}/blueprints/{_part(blueprint_id)}/stream"
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._http.stream("POST", path, json={"input": input, **body}, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                self._refuse_problems(answer)
                for line in answer.iter_lines():
                    if line.strip():
                        yield json.loads(line)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def instance(self, instance_id: str) -> JsonObject:
        """One run: status, input, output, error, metrics."""
        return self._ask("GET", f"/instances/{_part(instance_id)}")

    def instances(self, **filters: Any) -> Iterator[JsonObject]:
        """Runs, newest first; filters: status, blueprint_id, conversation_id, since, until."""
        return self._pages("/instances", filters)

    def wait(self, instance_id: str, timeout_seconds: float = 60.0) -> JsonObject:
        """The run once it has ended, or as it stands after `timeout_seconds`."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            instance = self.instance(instance_id)
            if instance["status"] in ENDED or time.monotonic() > deadline:
                return instance
            time.sleep(POLL_SECONDS)

    def logs(self, instance_id: str, *, after: int = 0, level: str | None = None) -> Iterator[JsonObject]:
        """What happened in a run, oldest first; `after` is the last seq already seen."""
        return self._pages(f"/instances/{_part(instance_id)}/logs", {"after": after, "level": level})

    def cancel(self, instance_id: str) -> JsonObject:
        """End a run before its time: `{instance_id, status}`."""
        return self._ask("POST", f"/instances/{_part(instance_id)}/cancel")

    def analytics(self, blueprint_id: str, **window: str) -> JsonObject:
        """How a blueprint's runs went; `window` is `from` and `to` (RFC 3339)."""
        return self._ask("GET", f"/blueprints/{_part(blueprint_id)}/analytics", params=window)

    def usage(self, **window: str) -> JsonObject:
        """What the caller used; `window` is `from` and `to` (RFC 3339)."""
        return self._ask("GET", "/analytics/usage", params=window)

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[JsonObject]:
        query = {"limit": PAGE, **_given(**filters)}
        while True:
            page = self._ask("GET", path, params=query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def _ask(self, method: str, path: str, **request: Any) -> JsonObject:
        answer = self._send(method, API + path, **request)
        self._refuse_problems(answer)
        return dict(answer.json())

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        except (TypeError, ValueError) as error:
            raise Complaint(f"The request cannot be written as JSON ({error}): use plain values.") from error

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(
            f"{self.url} does not answer ({reason}): start a stack with `headrace up`, or name another one with --url."
        )

    def _refuse_problems(self, answer: httpx.Response) -> None:
        if not answer.is_error:
            return
        try:
            problem = answer.json()
            raise ProblemError(
                status=answer.status_code,
                code=str(problem.get("code", "")),
                detail=str(problem.get("detail") or answer.reason_phrase),
                errors=tuple(FieldProblem(**_field(error)) for error in problem.get("errors") or ()),
                title=str(problem.get("title", "Refused")),
            )
        except (ValueError, AttributeError) as error:
            raise ProblemError(answer.status_code, "", f"{answer.reason_phrase} (from {self.url})") from error


def _part(identifier: str) -> str:
    return quote(identifier, safe="")


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(error.get(name, "")) for name in ("pointer", "code", "message")}
