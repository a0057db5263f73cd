"""What each node type may be configured with."""

from typing import Any

import pytest

from contracts.node_types import BODY_TYPES, NODE_TYPES, PURE_TYPES, TIMER_TYPES, WAIT_TYPES, templates_of
from contracts.parsing import parse_body
from contracts.workflow import Node

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
    ("model", {"prompt": "Hi", "stream": False}),
    ("model", {"prompt": "Hi", "stream": "${ input.live }"}),
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
    ("end", {"terminate": True, "join": {"kind": "n_of_m", "n": 2, "cancel_rest": True}, "split": "inclusive"}),
    ("until", {"time": "2026-01-31T12:00:00Z"}),
    ("until", {"time": "${ input.when }"}),
    ("signal", {"name": "paid", "key": "${ input.order }"}),
    ("approval", {}),
    ("approval", {"approvers": {"users": ["ada"], "teams": "${ input.teams }"}, "deadline_seconds": "${ input.wait }"}),
    ("race", {"waits": {"paid": {"signal": "paid"}, "late": {"seconds": 60}, "boss": {"approval": {}}}}),
    ("race", {"waits": {"a": {"approval": {}}, "b": {"approval": {"title": "B"}}}}),
    ("loop", {"body": {"nodes": []}, "items": "${ input }"}),
    ("loop", {"body": {"nodes": []}, "while": "index < 3", "until": "true"}),
    ("map", {"items": "${ input }", "body": {"nodes": []}, "min_successful": 1, "tolerated_failure_share": 0.5}),
    ("map", {"items": [1], "blueprint": {"blueprint_id": "${ item }", "version": 2}}),
    ("region", {"body": {"nodes": []}}),
    ("blueprint", {"blueprint_id": "${ input.id }", "input": None, "wait": False}),
    ("break", {"output": "${ item }"}),
    ("cancel", {"nodes": ["a"]}),
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
    ("model", {"prompt": "a", "stream": "no"}, "/stream", "wrong_type"),
    ("model", {"prompt": "a", "max_tokens": 1.5}, "/max_tokens", "wrong_type"),
    ("model", {"prompt": "a", "tools": [{"description": "x"}]}, "/tools/0/name", "missing"),
    ("end", {"join": "some"}, "/join", "not_allowed"),
    ("end", {"join": {"kind": "n_of_m"}}, "", "join_count"),
    ("end", {"join": {"kind": "any", "n": 2}}, "", "join_count"),
    ("end", {"split": "random"}, "/split", "not_allowed"),
    ("end", {"terminate": "yes"}, "/terminate", "wrong_type"),
    ("end", {"on_error": "go_on"}, "/on_error", "on_an_edge"),
    ("until", {"time": "noon"}, "/time", "bad_time"),
    ("until", {"time": "2026-01-31T12:00:00"}, "/time", "bad_time"),
    ("signal", {"key": "k"}, "/name", "missing"),
    ("approval", {"on_deadline": "wait"}, "/on_deadline", "not_allowed"),
    ("approval", {"approvers": {"users": "ada"}}, "/approvers/users", "wrong_type"),
    ("race", {"waits": {}}, "/waits", "too_short"),
    ("race", {"waits": {"a": {"signal": "s", "seconds": 1}}}, "/waits/a", "one_wait"),
    ("race", {"waits": {"a": {"seconds": 1, "key": "k"}}}, "/waits/a", "key_without_signal"),
    ("loop", {"body": {"nodes": []}}, "", "loop_by"),
    ("loop", {"body": {"nodes": []}, "items": [], "max_iterations": 0}, "/max_iterations", "out_of_range"),
    ("map", {"items": []}, "", "body_or_blueprint"),
    ("map", {"items": 3, "body": {"nodes": []}}, "/items", "wrong_type"),
    ("map", {"items": [], "body": {"nodes": []}, "max_concurrency": 0}, "/max_concurrency", "out_of_range"),
    ("region", {}, "/body", "missing"),
    ("blueprint", {"blueprint_id": "b", "version": "newest"}, "/version", "wrong_type"),
    ("cancel", {"nodes": []}, "/nodes", "too_short"),
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


def test_an_error_is_caught_by_an_edge() -> None:
    found = parse_body(NODE_TYPES["end"], {"on_error": "stop"})
    assert isinstance(found, tuple)
    assert [problem.message for problem in found] == [
        "`on_error` belongs to an edge: draw one from this node to the handler and set it there."
    ]


def test_members_are_named_as_they_are_written() -> None:
    found = parse_body(NODE_TYPES["loop"], {"body": {"nodes": []}, "whilst": "true", "until": "true"})
    assert isinstance(found, tuple)
    assert found[0].message.endswith("`timeout_seconds`, `until`, `while`.")


def test_every_type_is_of_one_family() -> None:
    families = (PURE_TYPES, TIMER_TYPES, WAIT_TYPES, BODY_TYPES, {"tool", "http", "model", "blueprint"})
    assert sorted(name for family in families for name in family) == sorted(NODE_TYPES)


class TestTemplates:
    def test_are_everything_but_policies(self) -> None:
        config = {"name": "echo", "arguments": {"a": 1}, "retry": {}, "fallback": "${ input }", "join": "any"}
        assert templates_of(Node(id="t", type="tool", config=config)) == {"name": "echo", "arguments": {"a": 1}}

    def test_are_in_the_body_of_a_request_and_not_in_that_of_a_loop(self) -> None:
        assert templates_of(Node(id="h", type="http", config={"url": "u", "body": 1})) == {"url": "u", "body": 1}
        config = {"items": [1], "while": "true", "until": "false", "body": {"nodes": []}}
        assert templates_of(Node(id="l", type="loop", config=config)) == {"items": [1]}

    def test_in_the_call_of_a_map_are_rendered_for_each_item(self) -> None:
        config = {"items": [1], "blueprint": {"blueprint_id": "b", "input": "${ item }"}}
        assert templates_of(Node(id="m", type="map", config=config)) == {"items": [1]}
