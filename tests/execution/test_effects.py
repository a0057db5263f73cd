"""One attempt of a node always has an outcome, whatever its code lets through."""

import asyncio
from typing import Any

import pytest

from execution.domain.visits import Visit
from execution.driving.effects import Effects
from execution.nodes.action import Cancellation, NodeFailure
from execution.nodes.registry import NodeActions
from execution.nodes.tool import ToolAction
from execution.tools import ToolContext, ToolFunction, Tools
from tests.support.builders import a_graph, a_node
from tests.support.story import Story


async def outcome_of(function: ToolFunction, **policies: Any) -> object:
    """What one attempt of a node with this tool comes to."""

    async def no_child(*_: object) -> Any:
        raise AssertionError("no node asks for another instance")

    story = Story(a_graph("start -> work", a_node("work", "tool", name="it", **policies)))
    effects = Effects(NodeActions({"tool": ToolAction(Tools({"it": function}))}), lambda *_: None, no_child, no_child)
    return await effects.perform(story.instance, Visit("work", 1), 1, Cancellation(), None)


async def leave_off(arguments: dict[str, Any], context: ToolContext) -> str:
    """Wait for work of its own that was cancelled."""
    work = asyncio.ensure_future(asyncio.sleep(60))
    work.cancel()
    await work
    return "never"


@pytest.mark.parametrize("policies", [{}, {"timeout_seconds": 5}])
async def test_what_a_tool_cancelled_itself_is_a_failure_of_its_node(policies: dict[str, Any]) -> None:
    outcome = await outcome_of(leave_off, **policies)
    assert isinstance(outcome, NodeFailure)
    assert (outcome.type, outcome.code) == ("permanent", "node_raised")


async def test_an_attempt_that_nobody_wants_any_more_is_stopped() -> None:
    async def sleep(arguments: dict[str, Any], context: ToolContext) -> None:
        await asyncio.sleep(60)

    attempt = asyncio.ensure_future(outcome_of(sleep))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
