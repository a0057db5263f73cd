"""What the page on the workflow language shows is so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from chassis.expressions import check, evaluate
from chassis.language import CEL
from chassis.templates import render
from contracts.blueprint import BlueprintBody
from contracts.graph_rules import problems_of
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.nodes.tool import ToolAction
from execution.tool_sources import load_tools
from tests.support.node_calls import failure_of, node_call

PAGE = (Path(__file__).parents[3] / "docs" / "workflow-language.md").read_text()


GRAPHS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(nodes:.*?)```", PAGE, re.DOTALL)]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def members(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_node_type_and_member_is_told() -> None:
    table = PAGE[PAGE.index("## Nodes") :]
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` \| (.*?) \| .*? \|$", table, re.MULTILINE)}
    assert set(NODE_TYPES) <= set(rows)
    for name, model in NODE_TYPES.items():
        for member in members(model) - members(NodeConfig):
            assert re.search(rf"`{member}[?:`]", rows[name]), f"{member} of {name}"


@pytest.mark.parametrize("member", sorted(members(NodeConfig) | members(BlueprintConfig)))
def test_every_policy_and_setting_is_told(member: str) -> None:
    assert re.search(rf"`(config\.)?{member}`", PAGE)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph["nodes"][1]["id"])
def test_its_graphs_keep_every_rule(graph: dict[str, Any]) -> None:
    body = BlueprintBody.model_validate_json(json.dumps({"name": "shown", **graph}), strict=True)
    assert problems_of(WorkflowGraph(nodes=body.nodes, edges=body.edges), body.config, CEL) == ()


def test_its_graphs_show_every_construct() -> None:
    shown = " ".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    assert {name for name in NODE_TYPES if f"type: {name}" in shown} >= {"loop", "map", "region", "blueprint", "race"}


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
