"""Which executor a run gets."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from chassis.extensions import EXECUTORS as BROUGHT
from chassis.extensions import instance_of, load, packaged
from chassis.settings import BadSettings
from execution.executors.langgraph import LangGraph
from execution.executors.parallel import Parallel
from execution.executors.sequential import Sequential
from execution.executors.strategy import Executor

DEFAULT_EXECUTOR = "parallel"


@cache
def executors() -> Mapping[str, Executor]:
    """By the name that a blueprint's `config.executor` says: the product's own and those of installed packages.

    Raises `BadSettings` for one that cannot be loaded, or has no method `choose`.
    """
    brought = {name: instance_of(load(entry)) for name, entry in packaged(BROUGHT).items()}
    for name, executor in brought.items():
        if not callable(getattr(executor, "choose", None)):
            raise BadSettings(f"{BROUGHT}: {name!r} must have a method `choose(ready, in_flight, limit)`")
    own = {"sequential": Sequential(), "parallel": Parallel(), "langgraph": LangGraph()}
    return MappingProxyType({**brought, **own})


def executor_for(name: str | None) -> Executor:
    """The executor of a run; `parallel` when the blueprint does not say."""
    return executors()[name or DEFAULT_EXECUTOR]
