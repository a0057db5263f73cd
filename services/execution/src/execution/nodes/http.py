"""`http` nodes: call a URL and judge its answer by its status."""

from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from contracts.workflow import MAX_VALUE_BYTES
from execution.nodes.action import NodeCall, NodeFailure, NodeResult, unless_cancelled
from execution.retry_after import retry_after_seconds

DEFAULT_TIMEOUT_SECONDS = 60.0
"""For a node without `timeout_seconds`: how long connecting, and each wait for the next bytes, may take."""
MAX_CONNECTIONS = 200
MAX_QUOTED_CHARACTERS = 500
"""Of an unexpected answer, in the failure's message."""

PASSING_STATUSES = frozenset({408, 425, 429})
"""Client errors that go away by themselves; so does every status from 500."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    """Names in lower case; values of a repeated header joined by commas."""
    body: Any


class HttpAction:
    """Sends requests over one pool of connections; follows no redirects."""

    def __init__(self) -> None:
        """The pool is made by the first request."""
        self._client: httpx.AsyncClient | None = None

    async def run(self, call: NodeCall) -> NodeResult:
        """Send the request; the output is `{status, headers, body}`."""
        try:
            answer = await unless_cancelled(call.cancellation, self._ask(call))
        except httpx.TimeoutException as error:
            raise NodeFailure("timeout", "http_timeout", f"No answer in time ({_named(error)}).") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
            raise NodeFailure("permanent", "bad_request", f"The request cannot be sent ({_named(error)}).") from error
        except httpx.HTTPError as error:
            raise NodeFailure("transient", "http_unreachable", f"No answer ({_named(error)}).") from error
        if not expected(answer.status, call.config.get("expect_status")):
            raise unexpected(answer)
        return NodeResult(output={"status": answer.status, "headers": answer.headers, "body": answer.body})

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, call: NodeCall) -> Answer:
        if self._client is None:
            self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=MAX_CONNECTIONS))
        method, url = str(call.config.get("method", "GET")).upper(), str(call.config.get("url"))
        headers, content = _headers(call), _content(call.config.get("body"))
        timeout = call.timeout_seconds or DEFAULT_TIMEOUT_SECONDS
        request = self._client.stream(method, url, headers=headers, content=content, timeout=timeout)
        async with request as response:
            raw = await _read(call, response)
        return Answer(response.status_code, dict(response.headers), _body(response, raw))


def expected(status: int, wanted: int | list[int] | None) -> bool:
    """Whether the status is a success: 2xx unless the node says otherwise."""
    if wanted is None:
        return httpx.codes.is_success(status)
    return status in (wanted if isinstance(wanted, list) else [wanted])


def unexpected(answer: Answer) -> NodeFailure:
    """What a status that was not expected means for the node."""
    passing = answer.status in PASSING_STATUSES or answer.status >= httpx.codes.INTERNAL_SERVER_ERROR
    quoted = answer.body if isinstance(answer.body, str) else orjson.dumps(answer.body).decode()
    where = f" (Location: {answer.headers['location']})" if "location" in answer.headers else ""
    return NodeFailure(
        "transient" if passing else "permanent",
        "http_status",
        f"The server answered {answer.status}{where}: {quoted[:MAX_QUOTED_CHARACTERS]}",
        retry_after_seconds(answer.headers),
    )


def _headers(call: NodeCall) -> dict[str, str]:
    headers = {"idempotency-key": call.idempotency_key}
    if call.traceparent:
        headers["traceparent"] = call.traceparent
    body = call.config.get("body")
    if body is not None:
        headers["content-type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    given = call.config.get("headers") or {}
    return {**headers, **{str(name).lower(): str(value) for name, value in given.items()}}


def _content(body: Any) -> bytes | None:
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


async def _read(call: NodeCall, response: httpx.Response) -> bytes:
    """The body, refused as soon as it is too large; every piece of it is a sign of life."""
    chunks, size = [], 0
    call.heartbeat()
    async for chunk in response.aiter_bytes():
        call.heartbeat()
        size += len(chunk)
        if size > MAX_VALUE_BYTES:
            sentence = f"The answer is larger than {MAX_VALUE_BYTES:,} bytes; ask for less of it."
            raise NodeFailure("permanent", "answer_too_large", sentence)
        chunks.append(chunk)
    return b"".join(chunks)


def _body(response: httpx.Response, raw: bytes) -> Any:
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass  # it says JSON and is none: text, like anything else
    return raw.decode(response.encoding or "utf-8", errors="replace")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
