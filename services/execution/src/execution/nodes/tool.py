"""`tool` nodes: call a registered Python function."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from execution.nodes.action import NodeCall, NodeFailure, NodeResult
from execution.tools import Tool, ToolContext, ToolError, Tools

MAX_TOOL_THREADS = 64
"""Plain functions that run at the same time in one process; more of them wait."""

_TRANSIENT = (OSError,)
"""Includes `ConnectionError` and `TimeoutError`."""
_PERMANENT = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Kinds of `OSError` that do not go away by themselves."""


class ToolAction:
    """Awaits async tools on the event loop and runs plain functions in threads."""

    def __init__(self, tools: Tools) -> None:
        """Threads are made when the first plain function is called."""
        self.tools = tools
        self._threads: ThreadPoolExecutor | None = None

    async def run(self, call: NodeCall) -> NodeResult:
        """Call the tool; its return value is the output."""
        tool = self._tool(call)
        context = ToolContext(
            instance_id=call.instance_id,
            node_id=call.node_id,
            attempt=call.attempt,
            idempotency_key=call.idempotency_key,
            production=self.tools.production,
            cancellation=call.cancellation,
            pulse=call.pulse,
        )
        arguments = _own(call.config.get("arguments", {}))
        try:
            if tool.is_async:
                output = await tool.function(arguments, context)
            else:
                output = await self._in_thread(tool, arguments, context)
        except NodeFailure:
            raise
        except ToolError as error:
            raise NodeFailure(error.type, error.code, error.message, error.retry_after_seconds) from error
        except asyncio.CancelledError:
            context.abandoned = True
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            raise raised(tool.name, error) from error
        return NodeResult(output=output, tool_calls=1)

    async def close(self) -> None:
        """Let go of the threads; a tool that still runs is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _tool(self, call: NodeCall) -> Tool:
        name = call.config.get("name")
        tool = self.tools.get(name) if isinstance(name, str) else None
        if tool is None:
            known = ", ".join(self.tools.names)
            raise NodeFailure(
                "permanent", "unknown_tool", f"There is no tool {name!r} on this worker; known are {known}."
            )
        return tool

    async def _in_thread(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_TOOL_THREADS, thread_name_prefix="tool")
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, tool.function, arguments, context)


def raised(name: str, error: BaseException) -> NodeFailure:
    """What an exception that a tool let through means for the node."""
    transient = isinstance(error, _TRANSIENT) and not isinstance(error, _PERMANENT)
    text = f"Tool {name!r} raised {type(error).__name__}: {error}"
    return NodeFailure("transient" if transient else "permanent", "tool_raised", text)


def _own(arguments: Any) -> dict[str, Any]:
    """A copy that the tool may change: rendered values may be part of the run's state."""
    if not isinstance(arguments, dict):
        raise NodeFailure(
            "permanent", "bad_arguments", "`arguments` must be an object once its templates are rendered."
        )
    if any(isinstance(value, dict | list) for value in arguments.values()):
        copy: dict[str, Any] = orjson.loads(orjson.dumps(arguments))
        return copy
    return dict(arguments)
