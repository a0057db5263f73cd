"""Which action runs which node type: fixed when the process starts."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self, runtime_checkable

from chassis import extensions
from chassis.extensions import NODES, packaged
from chassis.settings import BadSettings
from execution.nodes.action import NodeAction, NodeCall, NodeFailure, NodeResult
from execution.nodes.addresses import AddressRules, BadAddressRule
from execution.nodes.model import ModelAction
from execution.nodes.tool import ToolAction
from execution.providers import Providers
from execution.tool_sources import load_tools


@runtime_checkable
class Closes(Protocol):
    """An action that holds something open, such as connections."""

    async def close(self) -> None:
        """Let go of it; the action is not used again."""
        ...


class Later:
    """An action whose libraries are loaded when the first node needs them, in a thread: most workers never do."""

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        """The class `name` of `module`, made with these arguments."""
        self._module = module
        self._name = name
        self._arguments = arguments
        self._made: list[NodeAction] = []

    async def run(self, call: NodeCall) -> NodeResult:
        """What the action makes of the call."""
        if not self._made:
            module = await asyncio.to_thread(import_module, self._module)
            # Others may have come while it was loaded.
            self._made = self._made or [getattr(module, self._name)(*self._arguments)]
        return await self._made[0].run(call)

    async def close(self) -> None:
        """Let go of what the action holds open, if it was ever made."""
        for action in self._made:
            if isinstance(action, Closes):
                await action.close()


class NodeActions:
    """The effectful node types of this process."""

    def __init__(self, actions: Mapping[str, NodeAction]) -> None:
        """`actions` by node type."""
        self._actions = MappingProxyType(dict(actions))

    @classmethod
    def load(cls, tools_file: Path | None = None, *, production: bool = False, http_allow: str = "") -> Self:
        """The built-in node types and those that installed packages bring; tools also from `tools_file`.

        `http_allow` is what `http` nodes may reach besides the internet. Raises `execution.tools.BadTools` when the
        file cannot be used, `BadSettings` when a package or `http_allow` cannot.
        """
        brought = {name: extensions.instance_of(extensions.load(entry)) for name, entry in packaged(NODES).items()}
        built_in: dict[str, NodeAction] = {
            "tool": ToolAction(load_tools(tools_file, production=production)),
            "http": Later("execution.nodes.http", "HttpAction", _rules(http_allow)),
            "model": ModelAction(Providers.from_environment(production=production)),
        }
        return cls({**brought, **built_in})

    def __contains__(self, node_type: str) -> bool:
        return node_type in self._actions

    def action_for(self, node_type: str) -> NodeAction:
        """The action of a node type; raises `NodeFailure` when this process has none."""
        action = self._actions.get(node_type)
        if action is None:
            known = ", ".join(sorted(self._actions))
            raise NodeFailure(
                "permanent", "unknown_node_type", f"No worker runs {node_type!r} nodes; known are {known}."
            )
        return action

    async def close(self) -> None:
        """Let go of whatever the actions hold open."""
        for action in self._actions.values():
            if isinstance(action, Closes):
                await action.close()


def _rules(http_allow: str) -> AddressRules:
    try:
        return AddressRules.of(http_allow)
    except BadAddressRule as error:
        raise BadSettings(f"HEADRACE_HTTP_ALLOW cannot be used: {error}") from error
