"""Nodes that take too long or say nothing for too long, in a run: it goes on without them, whatever they do later."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.execution import ExecutionView
from contracts.workflow import WorkflowGraph
from execution.driving import watching
from tests.support.builders import a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

TOOLS = '''
import time
from pathlib import Path


def stubborn(arguments, context):
    """Wait for a file, whatever the context says."""
    while not Path(arguments["until"]).exists():
        time.sleep(0.01)
    Path(arguments["done"]).write_text("done")
    return "late"


def diligent(arguments, context):
    """Work for a second, and say so."""
    for _ in range(20):
        time.sleep(0.05)
        context.heartbeat()
    return "done"


TOOLS = {"stubborn": stubborn, "diligent": diligent}
'''


@pytest.fixture
async def shop(execution_dsn: str, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Mill]:
    """A worker with tools of its own."""
    file = tmp_path / "tools.py"
    file.write_text(TOOLS)
    async with milling(execution_dsn, nats_url, namespace, tools=file) as at:
        yield at


def watched(**config: Any) -> WorkflowGraph:
    """One tool, and what happens when it takes too long."""
    caught = a_node("caught", output="${ error.code }")
    return a_graph(
        a_node("work", "tool", **config), caught, "start -> work", "work -> fine", "work -> caught on timeout"
    )


async def ran(mill: Mill, graph: WorkflowGraph) -> ExecutionView:
    """The run, completed."""
    answer = await mill.execute(await mill.know(graph))
    assert answer.status == "completed", answer.error
    return answer


async def test_a_node_that_has_had_its_time_has_timed_out(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HARD_CANCEL_SECONDS", 60.0)
    answer = await ran(mill, watched(name="sleep", arguments={"seconds": 60}, timeout_seconds=0.2))
    assert answer.output == {"caught": "node_timeout"}
    assert answer.metrics is not None
    assert 200 <= answer.metrics.node_execution_times["work"] < 60_000


async def test_a_node_that_is_silent_for_too_long_has_timed_out(mill: Mill) -> None:
    answer = await ran(mill, watched(name="sleep", arguments={"seconds": 60}, heartbeat_seconds=0.2))
    assert answer.output == {"caught": "heartbeat_timeout"}


async def test_a_tool_that_gives_signs_of_life_may_take_long(shop: Mill) -> None:
    answer = await ran(shop, watched(name="diligent", heartbeat_seconds=0.9))
    assert answer.output == {"fine": "fine"}


async def test_what_a_tool_answers_that_was_left_behind_changes_nothing(shop: Mill, tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    arguments = {"until": str(go), "done": str(done)}
    answer = await ran(shop, watched(name="stubborn", arguments=arguments, timeout_seconds=0.1))
    told = await shop.told(answer.instance_id)

    go.touch()
    await eventually(done.exists)

    assert answer.output == {"caught": "node_timeout"}
    again = await ran(shop, watched(name="diligent"))
    assert again.output == {"fine": "fine"}
    assert await shop.told(answer.instance_id) == told
