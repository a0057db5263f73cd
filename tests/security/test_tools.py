"""A `tool` node runs what the deployment registered, by its name, and nothing that can merely be named."""

from pathlib import Path

import pytest

from execution.nodes.action import NodeFailure
from execution.nodes.tool import ToolAction
from execution.tool_sources import load_tools
from tests.support.node_calls import node_call

TOOLS = """
from os import system
from subprocess import run
import os


def greet(arguments, context):
    return "Hello"


def _private(arguments, context):
    return "secret"


class Maker:
    def make(self, arguments, context):
        return "made"
"""
NOT_REGISTERED = (
    *("system", "run", "os", "os.system", "subprocess.run", "_private", "Maker", "Maker.make", "__import__", "eval"),
    *("builtins.eval", "execution.tools:Tools", "greet.__globals__", "Greet", " greet", "greet ", "greet\0", ""),
    *(None, 1, ["greet"], {"name": "greet"}),
)


@pytest.fixture
def action(tmp_path: Path) -> ToolAction:
    file = tmp_path / "tools.py"
    file.write_text(TOOLS)
    return ToolAction(load_tools(file))


async def test_what_is_registered_is_run(action: ToolAction) -> None:
    assert (await action.run(node_call({"name": "greet"}))).output == "Hello"
    await action.close()


@pytest.mark.parametrize("name", NOT_REGISTERED, ids=repr)
async def test_what_is_not_is_not_whatever_it_is_called(action: ToolAction, name: object) -> None:
    with pytest.raises(NodeFailure) as failed:
        await action.run(node_call({"name": name, "arguments": {"command": "true"}}))
    assert (failed.value.type, failed.value.code) == ("permanent", "unknown_tool")


async def test_what_writes_files_is_refused_in_production(tmp_path: Path) -> None:
    action = ToolAction(load_tools(production=True))
    written = tmp_path / "lines"
    with pytest.raises(NodeFailure):
        await action.run(node_call({"name": "append_line", "arguments": {"path": str(written), "text": "x"}}))
    assert not written.exists()
    await action.close()


@pytest.mark.parametrize("member", ["base_url", "url", "api_key", "headers", "proxy", "organization"])
def test_a_blueprint_says_nothing_of_where_models_are_asked(member: str) -> None:
    from contracts.node_configs import ModelConfig  # noqa: PLC0415
    from contracts.workflow import BlueprintConfig, RunConfig  # noqa: PLC0415

    assert member not in {*ModelConfig.model_fields, *RunConfig.model_fields, *BlueprintConfig.model_fields}
