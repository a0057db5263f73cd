"""`http` nodes: call a URL and judge its answer by its status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import orjson

from execution.nodes.action import NodeCall, NodeFailure, NodeResult, unless_cancelled
from execution.nodes.addresses import AddressRules
from execution.nodes.guarded_network import GuardedTransport, Resolve, system_resolver
from execution.nodes.http_answers import ACCEPTED_ENCODINGS, Answer, expected, read_answer, unexpected
from execution.nodes.redirects import Sending, redirected

DEFAULT_TIMEOUT_SECONDS = 60.0
"""For a node without `timeout_seconds`: how long connecting, and each wait for the next bytes, may take."""
TOTAL_SECONDS = 600.0
"""For such a node: how long everything together may take, redirects included, however steadily bytes trickle in."""
NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
"""A jar of the client's would carry one run's cookies into another's requests."""
DECIDED_HERE = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"),
        *("proxy-authorization", "proxy-connection", "expect"),
    }
)
"""Headers that say how the request travels: a node that could write them could speak past the server it names."""


class HttpAction:
    """Sends requests over one pool of connections, to addresses that the deployment allows."""

    def __init__(self, rules: AddressRules | None = None, resolve: Resolve = system_resolver) -> None:
        """Without rules only public addresses; the pool is made by the first request."""
        self._rules = rules or AddressRules()
        self._resolve = resolve
        self._client: httpx.AsyncClient | None = None

    async def run(self, call: NodeCall) -> NodeResult:
        """Send the request; the output is `{status, headers, body}`."""
        try:
            async with asyncio.timeout(call.timeout_seconds or TOTAL_SECONDS):
                answer = await unless_cancelled(call.cancellation, self._ask(call))
        except (httpx.TimeoutException, TimeoutError) as error:
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
        sending, left = _first(call), int(call.config.get("follow_redirects", 0))
        while True:
            async with self._sent(sending, call) as response:
                goes_on = redirected(sending, response) if left > 0 and not _wanted(response, call) else None
                if goes_on is None:
                    return await read_answer(call, response)
            sending, left = goes_on, left - 1

    @asynccontextmanager
    async def _sent(self, sending: Sending, call: NodeCall) -> AsyncIterator[httpx.Response]:
        if self._client is None:
            transport = GuardedTransport(self._rules, self._resolve)
            self._client = httpx.AsyncClient(transport=transport, cookies=CookieJar(NO_COOKIES), trust_env=False)
        timeout = call.timeout_seconds or DEFAULT_TIMEOUT_SECONDS
        request = self._client.stream(
            sending.method, sending.url, headers=sending.headers, content=sending.content, timeout=timeout
        )
        async with request as response:
            yield response


def _first(call: NodeCall) -> Sending:
    url = httpx.URL(str(call.config.get("url")))
    if url.userinfo:
        raise _bad("user and password do not belong into the `url`; put them into the header `authorization`")
    method = str(call.config.get("method", "GET")).upper()
    return Sending(method, url, _headers(call), _content(call.config.get("body")))


def _wanted(response: httpx.Response, call: NodeCall) -> bool:
    """Whether the node itself waits for this status, which then is not followed elsewhere."""
    wanted = call.config.get("expect_status")
    return wanted is not None and expected(response.status_code, wanted)


def _headers(call: NodeCall) -> dict[str, str]:
    headers = {"idempotency-key": call.idempotency_key, "accept-encoding": ACCEPTED_ENCODINGS}
    if call.traceparent:
        headers["traceparent"] = call.traceparent
    body = call.config.get("body")
    if body is not None:
        headers["content-type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    given = {str(name).lower(): str(value) for name, value in (call.config.get("headers") or {}).items()}
    if unfit := sorted(DECIDED_HERE.intersection(given)):
        raise _bad(f"the header {unfit[0]} is not for a node to write")
    return {**headers, **given}


def _content(body: Any) -> bytes | None:
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _bad(why: str) -> NodeFailure:
    return NodeFailure("permanent", "bad_request", f"The request cannot be sent: {why}.")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
