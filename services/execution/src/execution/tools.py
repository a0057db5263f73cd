"""What a tool is: a function that `tool` nodes call by name.

A tool is `def name(arguments: dict, context: ToolContext)`, plain or async; what it returns must be JSON. It fails by
raising: `ToolError` says how; a lost connection or a timeout (`OSError`) counts as transient; a missing file, a lack
of permission and every other exception as permanent.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, get_args
from uuid import UUID

from contracts.workflow import ErrorType
from execution.nodes.action import Cancellation, Pulse

ToolFunction = Callable[..., Any]


class BadTools(Exception):
    """A tools file or package that cannot be used; the process does not start."""


class ToolError(Exception):
    """Raised by a tool to say how it failed."""

    def __init__(
        self,
        message: str,
        type: ErrorType = "permanent",
        code: str = "tool_failed",
        retry_after_seconds: float | None = None,
    ) -> None:
        """`type` "transient" or "timeout" lets the node's retry policy try again, not before `retry_after_seconds`."""
        if type not in get_args(ErrorType):
            raise ValueError(f"ToolError's type must be one of {', '.join(get_args(ErrorType))}, not {type!r}")
        super().__init__(message)
        self.message = message
        self.type: ErrorType = type
        self.code = code
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class ToolContext:
    """What a tool may know of the attempt it runs in."""

    instance_id: UUID
    node_id: str
    attempt: int
    idempotency_key: str
    """The same after a crash, another one for each retry: hand it to whatever the tool changes."""
    production: bool
    cancellation: Cancellation
    abandoned: bool = False
    pulse: Pulse = field(default_factory=Pulse)

    def heartbeat(self) -> None:
        """Say, from any thread, that the work goes on: for nodes with `heartbeat_seconds`."""
        self.pulse.beat()

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more; long-running tools look now and then, from any thread."""
        return self.abandoned or self.cancellation.cancelled


@dataclass(frozen=True, slots=True)
class Tool:
    """A registered function."""

    name: str
    function: ToolFunction
    is_async: bool


class Tools:
    """The tools of this process, by name."""

    def __init__(self, functions: Mapping[str, ToolFunction], *, production: bool = False) -> None:
        """Raises `BadTools` for a function that does not take `(arguments, context)`."""
        self.production = production
        self._tools = MappingProxyType({name: _tool(name, function) for name, function in functions.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """The names that `tool` nodes may use, sorted."""
        return tuple(sorted(self._tools))

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        return self._tools.get(name)


def _tool(name: str, function: ToolFunction) -> Tool:
    try:
        inspect.signature(function).bind({}, None)
    except (TypeError, ValueError) as error:
        raise BadTools(f"Tool {name!r} must take (arguments, context): {error}.") from None
    return Tool(name, function, inspect.iscoroutinefunction(function))
