"""The built-in tools, each effect noted in the history before it is had."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from execution.builtin_tools import BUILT_IN
from execution.tools import ToolContext, ToolFunction

if TYPE_CHECKING:
    from tests.simulation.process import Process

NAMES = ("echo", "sleep", "fail")
"""Those that do nothing but what they are told: no file, no thread."""


def tools_of(process: "Process") -> Mapping[str, ToolFunction]:
    """The tools of one process."""
    return {name: noted(process, BUILT_IN[name]) for name in NAMES}


def noted(process: "Process", tool: ToolFunction) -> ToolFunction:
    """The tool, with a note of the key that it was called with; the dead and the frozen have no effects."""

    async def call(arguments: dict[str, Any], context: ToolContext) -> Any:
        await process.breath()
        process.world.done(context.idempotency_key, process.id)
        answer = await tool(arguments, context)
        await process.breath()
        return answer

    return call
