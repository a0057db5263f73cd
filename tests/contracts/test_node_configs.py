"""What each node type may be configured with."""

from typing import Any

import pytest

from contracts.node_types import NODE_TYPES, PURE_TYPES
from contracts.parsing import parse_body

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("start", {}),
    ("end", {}),
    ("end", {"output": {"a": "${ input.a }"}}),
    ("condition", {"timeout_seconds": 5}),
    ("variable", {"operation": "set", "name": "x", "value": None}),
    ("variable", {"operation": "increment", "name": "x"}),
    ("variable", {"operation": "decrement", "name": "x", "value": "${ input.n }"}),
    ("variable", {"operation": "${ input.how }", "name": "x", "value": "text"}),
    ("variable", {"operation": "delete", "name": "x"}),
    ("transform", {"output": None}),
    ("delay", {"seconds": 0}),
    ("delay", {"seconds": 1.5}),
    ("delay", {"seconds": "${ input.wait }"}),
    ("tool", {"name": "echo"}),
    ("tool", {"name": "echo", "arguments": "${ input }"}),
    ("http", {"url": "https://example.com"}),
    ("http", {"url": "${ vars.base }/orders", "method": "${ vars.method }", "expect_status": "${ vars.good }"}),
    ("http", {"url": "HTTP://example.com", "method": "PUT", "headers": {"a": "b"}, "body": [1], "expect_status": 201}),
    ("http", {"url": "http://x", "expect_status": [200, "${ input.status }"], "timeout_seconds": 3}),
    ("model", {"prompt": "Hi"}),
    ("model", {"messages": "${ vars.messages }", "temperature": "${ input.t }", "max_tokens": 10}),
    (
        "model",
        {"messages": [{"role": "user", "content": ["a"]}, "${ vars.last }"], "provider": "offline", "model": "m"},
    ),
    ("model", {"prompt": "", "system": "s", "response_schema": {}, "tools": [{"name": "t", "parameters": {}}]}),
    (
        "tool",
        {"name": "t", "retry": {"max_attempts": 5}, "cache": {"ttl_seconds": 60}, "join": "all", "on_error": None},
    ),
    ("tool", {"name": "t", "retry": None, "cache": False}),
]

BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("start", {"output": 1}, "/output", "unknown_member"),
    ("variable", {"name": "x"}, "/operation", "missing"),
    ("variable", {"operation": "multiply", "name": "x"}, "/operation", "not_allowed"),
    ("variable", {"operation": "append", "name": "x"}, "", "missing_value"),
    ("variable", {"operation": "increment", "name": "x", "value": "one"}, "", "wrong_type"),
    ("variable", {"operation": "increment", "name": "x", "value": True}, "", "wrong_type"),
    ("variable", {"operation": "delete", "name": ""}, "/name", "too_short"),
    ("transform", {}, "/output", "missing"),
    ("delay", {"seconds": -1}, "/seconds", "out_of_range"),
    ("delay", {"seconds": "5"}, "/seconds", "wrong_type"),
    ("delay", {"seconds": True}, "/seconds", "wrong_type"),
    ("delay", {"seconds": 4e7}, "/seconds", "out_of_range"),
    ("tool", {"name": "t", "arguments": [1]}, "/arguments", "wrong_type"),
    ("http", {"url": "example.com"}, "/url", "bad_format"),
    ("http", {"url": "http://x", "method": "FETCH"}, "/method", "not_allowed"),
    ("http", {"url": "http://x", "headers": {"a": 1}}, "/headers/a", "wrong_type"),
    ("http", {"url": "http://x", "expect_status": 99}, "/expect_status", "out_of_range"),
    ("http", {"url": "http://x", "expect_status": [200, "ok"]}, "/expect_status/1", "wrong_type"),
    ("model", {}, "", "prompt_or_messages"),
    ("model", {"prompt": "a", "messages": [{"role": "user"}]}, "", "prompt_or_messages"),
    ("model", {"messages": []}, "/messages", "too_short"),
    ("model", {"messages": [{"role": "boss"}]}, "/messages/0/role", "not_allowed"),
    ("model", {"prompt": "a", "provider": "mine"}, "/provider", "not_allowed"),
    ("model", {"prompt": "a", "temperature": 3}, "/temperature", "out_of_range"),
    ("model", {"prompt": "a", "max_tokens": 1.5}, "/max_tokens", "wrong_type"),
    ("model", {"prompt": "a", "tools": [{"description": "x"}]}, "/tools/0/name", "missing"),
    ("end", {"join": "any"}, "/join", "unsupported"),
    ("end", {"on_error": "go_on"}, "/on_error", "unsupported"),
    ("tool", {"name": "t", "timeout_seconds": "${ input.t }"}, "/timeout_seconds", "wrong_type"),
    ("tool", {"name": "t", "timeout_seconds": 0}, "/timeout_seconds", "out_of_range"),
    ("tool", {"name": "t", "retry": {"max_attempts": 0}}, "/retry/max_attempts", "out_of_range"),
    ("tool", {"name": "t", "cache": {"ttl": 5}}, "/cache/ttl", "unknown_member"),
    ("tool", {"name": "t", "cache": True}, "/cache", "wrong_type"),
]


@pytest.mark.parametrize(("node_type", "config"), GOOD)
def test_is_accepted(node_type: str, config: dict[str, Any]) -> None:
    assert not isinstance(parse_body(NODE_TYPES[node_type], config), tuple)


@pytest.mark.parametrize(("node_type", "config", "pointer", "code"), BAD)
def test_is_refused_with_its_place(node_type: str, config: dict[str, Any], pointer: str, code: str) -> None:
    found = parse_body(NODE_TYPES[node_type], config)
    assert isinstance(found, tuple)
    assert [(problem.pointer, problem.code) for problem in found] == [(pointer, code)]


def test_what_is_not_supported_yet_is_said_plainly() -> None:
    found = parse_body(NODE_TYPES["end"], {"join": "any", "on_error": "stop"})
    assert isinstance(found, tuple)
    assert [problem.message for problem in found] == [
        'The only join so far is "all": wait for every live incoming edge.',
        "`on_error` is not supported yet; leave it out: a failed node fails the run.",
    ]


def test_pure_types_are_node_types() -> None:
    assert set(NODE_TYPES) > PURE_TYPES
    assert set(NODE_TYPES) - PURE_TYPES == {"tool", "http", "model", "delay"}
