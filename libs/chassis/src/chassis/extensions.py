"""What installed packages add to the words of a blueprint, found by entry point: the one place that knows."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from chassis.settings import BadSettings
from contracts.node_configs import NodeConfig
from contracts.node_types import NODE_TYPES
from contracts.vocabulary import BUILT_IN, BUILT_IN_MIDDLEWARE, ExecutorRule, Vocabulary
from contracts.workflow import BUILT_IN_EXECUTORS

NODES = "headrace.nodes"
"""Node type -> the action that runs it; loaded by the workers."""
NODE_TYPES_GROUP = "headrace.node_types"
"""Node type -> the model of its configuration, a `contracts.node_configs.NodeConfig`; loaded wherever it is judged."""
MIDDLEWARE = "headrace.middleware"
"""Name -> a module or an object with handlers; loaded by the workers."""
EXECUTORS = "headrace.executors"
"""Name -> an executor; loaded by the workers."""
EXECUTOR_RULES = "headrace.executor_rules"
"""Name of an executor -> a `contracts.vocabulary.ExecutorRule`: what it cannot do is refused when it is saved."""


def packaged(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group by name; raises `BadSettings` when two packages use the same one."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise BadSettings(f"{group}: {other.value} and {entry.value} are both called {entry.name!r}; rename one")
    return found


def load(entry: EntryPoint) -> Any:
    """What an entry point names; raises `BadSettings` with the reason why it cannot be had."""
    try:
        return entry.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadSettings(f"{entry.group}: {entry.name!r} ({entry.value}) cannot be loaded: {reason}") from error


def instance_of(made: Any) -> Any:
    """What an entry point names, made without arguments where it names a class."""
    return made() if isinstance(made, type) else made


@cache
def vocabulary() -> Vocabulary:
    """The words of this deployment: the product's and those of the packages that were installed when it started."""
    return Vocabulary(
        node_types={**NODE_TYPES, **dict(_node_types())},
        executors=_names(BUILT_IN_EXECUTORS, EXECUTORS),
        executor_rules={**BUILT_IN.executor_rules, **dict(_executor_rules())},
        middleware=_names(BUILT_IN_MIDDLEWARE, MIDDLEWARE),
    )


def _names(built_in: tuple[str, ...], group: str) -> tuple[str, ...]:
    brought = packaged(group)
    _keep_apart(group, brought, built_in)
    return (*built_in, *brought)


def _node_types() -> Iterator[tuple[str, type[NodeConfig]]]:
    brought = packaged(NODE_TYPES_GROUP)
    _keep_apart(NODE_TYPES_GROUP, brought, NODE_TYPES)
    for name in packaged(NODES):
        if name not in brought:
            raise BadSettings(f"{NODES}: {name!r} has no configuration: name its model under {NODE_TYPES_GROUP} too")
    for name, entry in brought.items():
        model = load(entry)
        if not (isinstance(model, type) and issubclass(model, NodeConfig)):
            raise BadSettings(f"{NODE_TYPES_GROUP}: {name!r} ({entry.value}) must be a subclass of NodeConfig")
        yield name, model


def _executor_rules() -> Iterator[tuple[str, ExecutorRule]]:
    for name, entry in packaged(EXECUTOR_RULES).items():
        yield name, load(entry)


def _keep_apart(group: str, brought: Mapping[str, EntryPoint], built_in: Any) -> None:
    for name in brought:
        if name in built_in:
            raise BadSettings(f"{group}: {name!r} is built in; give yours another name")
