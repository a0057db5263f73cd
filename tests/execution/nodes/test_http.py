"""`http` nodes: call a URL and judge its answer by its status."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from chassis import clock
from execution.nodes.action import Cancellation, NodeFailure
from execution.nodes.addresses import AddressRules
from execution.nodes.http import HttpAction
from execution.retry_after import retry_after_seconds
from tests.support.node_calls import TRACEPARENT, failure_of, node_call
from tests.support.web_server import Reply, web_server

OK = Reply.of_json({"ok": True})


@pytest.fixture
async def action() -> AsyncIterator[HttpAction]:
    calls = HttpAction(AddressRules.of("127.0.0.1"))
    yield calls
    await calls.close()


class TestARequest:
    async def test_is_a_get_with_the_attempt_s_key_and_trace(self, action: HttpAction) -> None:
        async with web_server(OK) as server:
            await action.run(node_call({"url": f"{server.url}/orders?id=1"}, traceparent=TRACEPARENT))
        (asked,) = server.asked
        assert (asked.method, asked.path, asked.body) == ("GET", "/orders?id=1", b"")
        assert asked.headers["idempotency-key"] == "key-1"
        assert asked.headers["traceparent"] == TRACEPARENT

    @pytest.mark.parametrize(
        ("body", "sent", "kind"),
        [
            ({"a": [1, "é"]}, '{"a":[1,"é"]}', "application/json"),
            (5, "5", "application/json"),
            ("plain é", "plain é", "text/plain; charset=utf-8"),
        ],
    )
    async def test_sends_text_as_it_is_and_anything_else_as_json(
        self, action: HttpAction, body: Any, sent: str, kind: str
    ) -> None:
        async with web_server(OK) as server:
            await action.run(node_call({"url": server.url, "method": "POST", "body": body}))
        assert server.asked[0].body.decode() == sent
        assert server.asked[0].headers["content-type"] == kind

    async def test_carries_the_node_s_own_headers_before_the_usual_ones(self, action: HttpAction) -> None:
        headers = {"Idempotency-Key": "mine", "Content-Type": "application/xml", "X-Count": 3}
        async with web_server(OK) as server:
            await action.run(node_call({"url": server.url, "method": "put", "body": "<a/>", "headers": headers}))
        (asked,) = server.asked
        assert asked.method == "PUT"
        told = [asked.headers[name] for name in ("idempotency-key", "content-type", "x-count")]
        assert told == ["mine", "application/xml", "3"]


class TestAnAnswer:
    async def test_of_json_is_parsed(self, action: HttpAction) -> None:
        async with web_server(Reply.of_json({"n": 1}, 201, x_total="7")) as server:
            output = (await action.run(node_call({"url": server.url}))).output
        assert (output["status"], output["body"], output["headers"]["x-total"]) == (201, {"n": 1}, "7")

    @pytest.mark.parametrize(
        ("kind", "raw", "body"),
        [
            ("text/html; charset=latin-1", b"caf\xe9", "café"),
            ("text/plain; charset=unheard-of", "café".encode(), "café"),
            ("application/problem+json", b'{"a":1}', {"a": 1}),
            ("application/json", b"not json", "not json"),
            ("image/png", b"\xff\xfe", "��"),
            ("application/json", b"", ""),
        ],
    )
    async def test_of_anything_else_is_text(self, action: HttpAction, kind: str, raw: bytes, body: Any) -> None:
        async with web_server(Reply(200, {"content-type": kind}, (raw,) if raw else ())) as server:
            assert (await action.run(node_call({"url": server.url}))).output["body"] == body

    @pytest.mark.parametrize(
        ("expected", "status", "good"),
        [(None, 204, True), (None, 302, False), (404, 404, True), (404, 200, False), ([200, 409], 409, True)],
    )
    async def test_is_good_when_its_status_is_expected(
        self, action: HttpAction, expected: Any, status: int, good: bool
    ) -> None:
        async with web_server(Reply.of_json({}, status)) as server:
            call = node_call({"url": server.url, "expect_status": expected})
            if good:
                assert (await action.run(call)).output["status"] == status
            else:
                assert (await failure_of(action, call)).code == "http_status"


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, "permanent"),
            (404, "permanent"),
            (408, "transient"),
            (429, "transient"),
            (500, "transient"),
            (503, "transient"),
        ],
    )
    async def test_of_status_passes_or_not(self, action: HttpAction, status: int, kind: str) -> None:
        async with web_server(Reply.of_json({"why": "so"}, status, retry_after="7")) as server:
            failed = await failure_of(action, node_call({"url": server.url}))
        assert (failed.type, failed.retry_after_seconds) == (kind, 7.0)
        assert failed.message == f'The server answered {status}: {{"why":"so"}}'

    async def test_of_redirection_says_where_to(self, action: HttpAction) -> None:
        async with web_server(Reply.of_json("moved", 301, location="https://example.com/new")) as server:
            failed = await failure_of(action, node_call({"url": server.url}))
        assert failed.message == "The server answered 301 (Location: https://example.com/new): moved"

    async def test_of_patience_is_a_timeout(self, action: HttpAction) -> None:
        async with web_server(Reply(delay_seconds=5)) as server:
            failed = await failure_of(action, node_call({"url": server.url}, timeout_seconds=0.05))
        assert (failed.type, failed.code) == ("timeout", "http_timeout")

    async def test_of_connection_is_transient(self, action: HttpAction) -> None:
        async with web_server(Reply(200, {}, (b"half",), broken=True)) as server:
            assert (await failure_of(action, node_call({"url": server.url}))).type == "transient"
        refused = await failure_of(action, node_call({"url": "http://127.0.0.1:1/"}))
        assert (refused.type, refused.code) == ("transient", "http_unreachable")

    @pytest.mark.parametrize(
        "config",
        [
            {"url": "ftp://example.com"},
            {"url": "nowhere"},
            {"url": "http://x:port"},
            {"headers": {"a\n": "b"}},
            {"headers": {"a": "b\r\nc: d"}},
        ],
        ids=["scheme", "relative", "port", "header name", "header value"],
    )
    async def test_of_the_request_itself_is_permanent(self, action: HttpAction, config: dict[str, Any]) -> None:
        async with web_server(OK) as server:
            failed = await failure_of(action, node_call({"url": server.url, **config}))
        assert (failed.type, failed.code) == ("permanent", "bad_request")

    async def test_of_size_is_permanent(self, action: HttpAction) -> None:
        async with web_server(Reply(200, {}, (b"x" * 65_536,) * 17)) as server:
            failed = await failure_of(action, node_call({"url": server.url}))
        assert (failed.type, failed.code) == ("permanent", "answer_too_large")

    async def test_follows_a_cancellation_at_once(self, action: HttpAction) -> None:
        cancellation = Cancellation()
        async with web_server(Reply(delay_seconds=30)) as server:
            running = asyncio.create_task(action.run(node_call({"url": server.url}, cancellation=cancellation)))
            asyncio.get_running_loop().call_later(0.05, cancellation.cancel)
            async with asyncio.timeout(5):
                with pytest.raises(NodeFailure) as failed:
                    await running
        assert failed.value.type == "cancelled"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("5", 5.0), ("0.5", 0.5), ("-3", 0.0), ("999999999", 86_400.0), ("soon", None), ("nan", None), ("", None)],
    )
    def test_in_seconds_is_kept_within_a_day(self, text: str, seconds: float | None) -> None:
        assert retry_after_seconds({"retry-after": text}) == seconds

    def test_as_a_date_is_the_time_until_then(self) -> None:
        moment = format_datetime(clock.now() + timedelta(seconds=90), usegmt=True)
        wait = retry_after_seconds({"retry-after": moment})
        assert wait is not None
        assert 85 < wait <= 90
