"""The client's part of steering: each method is one request, said as the interface wants it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from headrace.client import Headrace
from tests.headrace.gateways import Gateway, client

Call = Callable[[Headrace], Any]

ORDERS: list[tuple[Call, str, Any]] = [
    (lambda to: to.pause("1"), "POST /instances/1/pause", None),
    (lambda to: to.resume("1"), "POST /instances/1/resume", None),
    (lambda to: to.terminate("1"), "POST /instances/1/terminate", None),
    (lambda to: to.retry("1"), "POST /instances/1/retry", None),
    (lambda to: to.cancel("1"), "POST /instances/1/cancel", None),
    (lambda to: to.cancel("1", "a.b"), "POST /instances/1/nodes/a.b/cancel", None),
    (lambda to: to.signal("1", "paid"), "POST /instances/1/signal", {"name": "paid", "payload": None}),
    (lambda to: to.signal("1", "paid", [2]), "POST /instances/1/signal", {"name": "paid", "payload": [2]}),
    (
        lambda to: to.post_signal("9", "order-1", "paid", 3),
        "POST /blueprints/9/signals",
        {"name": "paid", "key": "order-1", "payload": 3},
    ),
    (lambda to: to.approve("1"), "POST /instances/1/approve", {}),
    (
        lambda to: to.approve("1", "review", comment="Fine.", form={"limit": 1}),
        "POST /instances/1/approve",
        {"node_id": "review", "comment": "Fine.", "form": {"limit": 1}},
    ),
    (lambda to: to.reject("1", comment="No."), "POST /instances/1/reject", {"comment": "No."}),
    (lambda to: to.waits("1"), "GET /instances/1/waits", None),
    (lambda to: to.lineage("1"), "GET /instances/1/lineage", None),
    (lambda to: to.clear_cache("9"), "DELETE /blueprints/9/cache", None),
]
REPEATABLE: list[Call] = [
    lambda to: to.execute("9", idempotency_key="once"),
    lambda to: list(to.stream("9", idempotency_key="once")),
    lambda to: to.signal("1", "paid", idempotency_key="once"),
    lambda to: to.post_signal("9", "order-1", "paid", idempotency_key="once"),
]


@pytest.mark.parametrize(("call", "asked", "body"), ORDERS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_order_is_one_request(call: Call, asked: str, body: Any):
    gateway = Gateway(httpx.Response(202, json={"status": "running"}))

    answer = call(client(gateway))

    content = gateway.asked[0].content
    assert answer == {"status": "running"}
    assert gateway.paths == [asked]
    assert (json.loads(content) if content else None) == body


def test_a_cache_is_cleared_of_what_one_node_answered():
    gateway = Gateway(httpx.Response(200, json={"forgotten": 1}))

    assert client(gateway).clear_cache("9", "a.b") == {"forgotten": 1}
    assert gateway.asked[0].url.params["node_id"] == "a.b"


@pytest.mark.parametrize("call", REPEATABLE)
def test_what_may_be_repeated_carries_its_key(call: Call):
    gateway = Gateway(httpx.Response(202, json={}))

    call(client(gateway))

    assert gateway.asked[0].headers["Idempotency-Key"] == "once"


def test_without_a_key_there_is_no_header():
    gateway = Gateway(httpx.Response(202, json={}))

    client(gateway).signal("1", "paid")

    assert "Idempotency-Key" not in gateway.asked[0].headers
