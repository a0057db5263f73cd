"""How the client speaks: one connection to a gateway, pages followed, refusals raised as `ProblemError`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from headrace.errors import Complaint, FieldProblem, ProblemError, Unreachable

JsonObject = dict[str, Any]

API = "/api/v2"
PAGE = 200
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 75.0
"""Longer than the longest synchronous wait (60 s)."""
SILENCE_SECONDS = 60.0
"""A stream says something at least every 15 s."""


class Connection:
    """A connection to one gateway as one user. Use it as a context manager, or `close` it."""

    def __init__(self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        """`url` is the gateway's root, `token` a JWT or an API key; `transport` replaces the network in tests."""
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

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[JsonObject]:
        query = {"limit": PAGE, **given(**filters)}
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

    def _lines(self, path: str, method: str = "POST", **request: Any) -> Iterator[JsonObject]:
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._http.stream(method, API + path, timeout=timeout, **request) as answer:
                if answer.is_error:
                    answer.read()
                self._refuse_problems(answer)
                for line in answer.iter_lines():
                    if line.strip():
                        yield json.loads(line)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

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


def part(identifier: str) -> str:
    """An id as it may stand in a path."""
    return quote(identifier, safe="")


def given(**parameters: Any) -> dict[str, Any]:
    """Those parameters that are not None."""
    return {name: value for name, value in parameters.items() if value is not None}


def once(idempotency_key: str | None) -> dict[str, str]:
    """The header under which a repeated request is the same one."""
    return {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(error.get(name, "")) for name in ("pointer", "code", "message")}
