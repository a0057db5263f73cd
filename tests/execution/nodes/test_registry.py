"""Which action runs which node type."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from execution.nodes.action import NodeCall, NodeFailure, NodeResult
from execution.nodes.registry import Later, NodeActions
from tests.support.node_calls import node_call


class Plain:
    async def run(self, call: NodeCall) -> NodeResult:
        return NodeResult(output=call.config)


class Holding(Plain):
    closed = False

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
async def actions(tmp_path: Path) -> AsyncIterator[NodeActions]:
    tools = tmp_path / "tools.py"
    tools.write_text("async def greet(arguments, context): return 'Hello'")
    loaded = NodeActions.load(tools)
    yield loaded
    await loaded.close()


async def test_every_effectful_type_has_one(actions: NodeActions) -> None:
    assert all(node_type in actions for node_type in ("tool", "http", "model"))
    greeted = await actions.action_for("tool").run(node_call({"name": "greet"}))
    assert greeted.output == "Hello"


def test_an_unknown_type_fails_its_node_for_good() -> None:
    with pytest.raises(NodeFailure, match="No worker runs 'agent' nodes; known are a, b") as failed:
        NodeActions({"b": Plain(), "a": Plain()}).action_for("agent")
    assert (failed.value.type, failed.value.code) == ("permanent", "unknown_node_type")


async def test_closing_lets_go_of_what_is_held() -> None:
    holding = Holding()
    await NodeActions({"plain": Plain(), "holding": holding}).close()
    assert holding.closed


async def test_what_is_loaded_later_is_made_once_and_closed_if_it_was_made() -> None:
    unused, used = (Later(__name__, "Holding") for _ in range(2))

    answers = await asyncio.gather(*(used.run(node_call({"number": number})) for number in range(3)))
    await unused.close()
    await used.close()

    assert [answer.output for answer in answers] == [{"number": number} for number in range(3)]


def test_a_process_loads_no_http_client_before_a_node_needs_it() -> None:
    loads = "import sys, execution.app; print('httpx' in sys.modules or 'faststream' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
