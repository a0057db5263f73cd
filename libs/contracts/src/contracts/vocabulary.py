"""The names a blueprint may use, as far as they are known where blueprints are judged."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from contracts.langgraph_rules import langgraph_problems
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from contracts.refusal import Problem
from contracts.workflow import BUILT_IN_EXECUTORS, BlueprintConfig, WorkflowGraph

BUILT_IN_MIDDLEWARE = ("validation", "rate_limiting", "caching", "critical_section", "retry", "monitoring")

ExecutorRule = Callable[[WorkflowGraph, BlueprintConfig], Iterable[Problem]]
"""What an executor cannot do with a graph. It is asked of any graph, also of one with other problems."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Node types, tools, executors and middleware of a deployment; those that the product brings unless told."""

    tools: Collection[str] | None = None
    """None where it is not known which there are: then no tool's name is judged."""
    node_types: Mapping[str, type[NodeConfig]] = field(default_factory=lambda: NODE_TYPES)
    executors: Collection[str] = BUILT_IN_EXECUTORS
    executor_rules: Mapping[str, ExecutorRule] = field(default_factory=lambda: {"langgraph": langgraph_problems})
    """By name of the executor; asked when a blueprint names it."""
    middleware: Collection[str] = BUILT_IN_MIDDLEWARE


BUILT_IN = Vocabulary()
"""The product without anybody's additions."""
