"""Which executor a run gets."""

from collections.abc import Mapping
from types import MappingProxyType

from execution.executors.parallel import Parallel
from execution.executors.sequential import Sequential
from execution.executors.strategy import Executor

DEFAULT_EXECUTOR = "parallel"

EXECUTORS: Mapping[str, Executor] = MappingProxyType({"sequential": Sequential(), "parallel": Parallel()})
"""By the name that a blueprint's `config.executor` says."""


def executor_for(name: str | None) -> Executor:
    """The executor of a run; `parallel` when the blueprint does not say."""
    return EXECUTORS[name or DEFAULT_EXECUTOR]
