"""What the page on the workflow language shows is so."""

import re
from pathlib import Path

import yaml

from chassis.expressions import check, evaluate
from chassis.templates import render
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from execution.nodes.tool import ToolAction
from execution.tool_sources import load_tools
from tests.support.node_calls import failure_of, node_call

PAGE = (Path(__file__).parents[3] / "docs" / "workflow-language.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_every_node_type_and_member_is_told() -> None:
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)}
    assert set(NODE_TYPES) <= set(rows)
    for name, model in NODE_TYPES.items():
        for member in set(model.model_fields) - set(NodeConfig.model_fields):
            assert re.search(rf"`{member}[?:`]", rows[name]), f"{member} of {name}"


def test_its_expressions_hold() -> None:
    scope = {"input": {"amount": 120}, "nodes": {"classify": {"label": "refund"}}}
    assert evaluate('nodes.classify.label == "refund" && input.amount > 100.0', scope) is True
    assert evaluate("double(input.amount) + 1.5", scope) == 121.5
    shown = [text for text in re.findall(r"`([^`\n]+)`", PAGE) if re.match(r"(input|double|has|nodes)[.\[(]", text)]
    assert len(shown) >= 6
    assert [check(text) for text in shown if "NAME" not in text and "ID" not in text] == [None] * (len(shown) - 1)


def test_its_templates_render() -> None:
    scope = {"input": {"amount": 12, "order": "A-1"}, "instance": {"user_id": "ada"}}
    assert render(yaml.safe_load(block("yaml"))["config"], scope)["arguments"] == {
        "amount": 12,
        "note": "Order A-1 of ada",
        "price_tag": "${ not an expression }",
    }


async def test_its_tool_runs(tmp_path: Path) -> None:
    file = tmp_path / "tools.py"
    file.write_text(block("python"))
    tools = ToolAction(load_tools(file))
    charged = await tools.run(node_call({"name": "charge", "arguments": {"amount": 5}}))
    assert charged.output == {"charged": 5, "reference": "key-1"}
    assert (await failure_of(tools, node_call({"name": "charge", "arguments": {"amount": 0}}))).code == "bad_amount"
