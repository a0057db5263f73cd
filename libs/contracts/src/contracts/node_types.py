"""Every node type the product knows, and what sets them apart."""

from collections.abc import Mapping
from types import MappingProxyType

from contracts import control_configs as control
from contracts import node_configs as work
from contracts.message import JsonObject
from contracts.node_configs import NodeConfig
from contracts.workflow import POLICY_KEYS, Node

NODE_TYPES: Mapping[str, type[NodeConfig]] = MappingProxyType(
    {
        "start": work.StartConfig,
        "end": work.EndConfig,
        "condition": work.ConditionConfig,
        "variable": work.VariableConfig,
        "transform": work.TransformConfig,
        "tool": work.ToolConfig,
        "http": work.HttpConfig,
        "model": work.ModelConfig,
        "delay": control.DelayConfig,
        "until": control.UntilConfig,
        "signal": control.SignalConfig,
        "approval": control.ApprovalConfig,
        "race": control.RaceConfig,
        "loop": control.LoopConfig,
        "map": control.MapConfig,
        "region": control.RegionConfig,
        "blueprint": control.BlueprintCallConfig,
        "break": control.BreakConfig,
        "cancel": control.CancelConfig,
    }
)
"""In the order a person is told about them."""

PURE_TYPES = frozenset({"start", "end", "condition", "variable", "transform", "break", "cancel"})
"""Types whose result follows from the history alone: they touch nothing and may be computed again."""
ACTING_TYPES = frozenset({"tool", "http", "model"})
"""Types that act on the world inside a worker; those that packages bring do so too."""
TIMER_TYPES = frozenset({"delay", "until"})
WAIT_TYPES = frozenset({"signal", "approval", "race"})
"""Types that wait for somebody outside."""
BODY_TYPES = frozenset({"loop", "map", "region"})
"""Types that hold a graph of their own and run it."""
CALL_TYPE = "blueprint"
"""The type that starts another instance."""

_GRAPH_KEYS = frozenset({"body", "while", "until"})
_STEERING_KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(NODE_TYPES, POLICY_KEYS - _GRAPH_KEYS),
        "loop": POLICY_KEYS,
        "map": POLICY_KEYS | {"blueprint"},
        "region": POLICY_KEYS,
    }
)


def templates_of(node: Node) -> JsonObject:
    """The members of a node's configuration that are rendered before it runs.

    Not its policies, nor a body and the conditions of a loop, nor the call of a map, which is rendered for each item.
    """
    steering = _STEERING_KEYS.get(node.type, POLICY_KEYS - _GRAPH_KEYS)
    return {key: value for key, value in node.config.items() if key not in steering}
