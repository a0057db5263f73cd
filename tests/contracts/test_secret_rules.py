"""Where a blueprint may mention secrets, and how: everywhere else it is refused when it is saved."""

from typing import Any

import pytest

from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from contracts.secret_rules import secrets_in
from tests.support.judging import END, LINE, START, TOOL, codes, holding, line, node, problems, with_edge, with_node

TOKEN = "${ secrets.TOKEN }"
HTTP: dict[str, Any] = {"url": "https://api.example", "headers": {"authorization": f"Bearer {TOKEN}"}}


class Brought(NodeConfig):
    """A node type that a package brings."""

    to: str


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("http", HTTP),
        ("tool", {"name": "charge", "arguments": {"deep": [{"key": TOKEN}, "${secrets.OTHER}"]}}),
        ("model", {"prompt": f"The password is {TOKEN}"}),
        ("mail", {"to": TOKEN}),
    ],
)
def test_a_node_that_acts_takes_them_anywhere_in_its_configuration(kind: str, config: dict[str, Any]) -> None:
    assert with_node({"id": "act", "type": kind, "config": config}, node_types={**NODE_TYPES, "mail": Brought}) == {}


@pytest.mark.parametrize(
    "expression",
    [
        "secrets",
        "secrets[input.name]",
        'secrets["TOKEN"]',
        "secrets.TOKEN.size()",
        "secrets.TOKEN.more",
        'secrets.TOKEN + "x"',
        "has(secrets.TOKEN)",
        '{"a": secrets.TOKEN}',
        "[secrets.TOKEN]",
        'input.deep ? secrets.TOKEN : ""',
        "[1].map(secrets, secrets)",
    ],
)
def test_they_are_named_one_by_one_and_nothing_is_done_with_them(expression: str) -> None:
    found = with_node(
        {"id": "act", "type": "tool", "config": {"name": "echo", "arguments": {"a": f"${{ {expression} }}"}}}
    )
    assert codes(found) == {"/nodes/1/config/arguments/a": "bad_secret"}
    assert "`${ secrets.NAME }`" in found["/nodes/1/config/arguments/a"][1]


@pytest.mark.parametrize(
    ("kind", "config", "place"),
    [
        ("transform", {"output": {"a": TOKEN}}, "output/a"),
        ("variable", {"operation": "set", "name": "v", "value": TOKEN}, "value"),
        ("delay", {"seconds": TOKEN}, "seconds"),
        ("signal", {"name": "go", "key": TOKEN}, "key"),
        ("approval", {"title": TOKEN}, "title"),
        ("blueprint", {"blueprint_id": "${ input.id }", "input": {"a": TOKEN}}, "input/a"),
        ("tool", {"name": "echo", "fallback": {"a": TOKEN}}, "fallback/a"),
        ("tool", {"name": "echo", "cache": {"key": "secrets.TOKEN"}}, "cache/key"),
        ("tool", {"name": "echo", "concurrency": {"key": "secrets.TOKEN"}}, "concurrency/key"),
    ],
)
def test_what_is_recorded_takes_none(kind: str, config: dict[str, Any], place: str) -> None:
    found = with_node({"id": "other", "type": kind, "config": config})
    assert codes(found) == {f"/nodes/1/config/{place}": "secret_elsewhere"}


def test_neither_do_ends_nor_edges_nor_loops() -> None:
    end = {**END, "config": {"output": TOKEN}}
    assert codes(problems([START, TOOL, end], LINE)) == {"/nodes/2/config/output": "secret_elsewhere"}
    assert codes(with_edge(source="work", target="end", condition='secrets.TOKEN == "x"')) == {
        "/edges/2/condition": "secret_elsewhere"
    }
    loop = holding("loop", node("inside", "tool", name="echo", arguments={"a": TOKEN}), **{"while": "secrets.T == 1"})
    assert codes(problems(**line(node("start", "start"), loop))) == {"/nodes/1/config/while": "secret_elsewhere"}


@pytest.mark.parametrize("setting", ["cache", "concurrency"])
def test_nor_the_keys_of_a_whole_run(setting: str) -> None:
    found = problems([START], [], {setting: {"key": "secrets.TOKEN"}})
    assert codes(found) == {f"/config/{setting}/key": "secret_elsewhere"}


def test_a_nodes_secrets_are_known_without_running_it() -> None:
    config = {"a": TOKEN, "b": ["${secrets.TOKEN}${ secrets.OTHER }", "$${ secrets.LITERAL }"], "c": "secrets.TEXT"}
    assert secrets_in(config) == ("TOKEN", "OTHER")
