"""What a `variable` node does to its variable (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execution.nodes.action import NodeFailure


@dataclass(frozen=True, slots=True)
class Change:
    """The variable's new value, or that it is gone."""

    name: str
    value: Any
    deleted: bool = False


def changed_variable(variables: Mapping[str, Any], config: Mapping[str, Any]) -> Change:
    """Apply `{operation, name, value}`; raises `NodeFailure` when the present value does not allow it."""
    name, operation = str(config["name"]), config["operation"]
    present = variables.get(name)
    match operation:
        case "set":
            return Change(name, config.get("value"))
        case "append":
            return Change(name, [*as_list(name, present), config.get("value")])
        case "increment":
            return Change(name, as_number(name, present) + as_step(config))
        case "decrement":
            return Change(name, as_number(name, present) - as_step(config))
        case "delete":
            return Change(name, None, deleted=True)
        case _:
            raise NodeFailure("permanent", "bad_operation", f"There is no variable operation {operation!r}.")


def as_list(name: str, present: Any) -> list[Any]:
    """The list to append to; a variable that is not there yet is an empty one."""
    if present is None:
        return []
    if not isinstance(present, list):
        raise NodeFailure("permanent", "not_a_list", f"Cannot append to variable {name!r}: it is no list.")
    return present


def as_number(name: str, present: Any) -> int | float:
    """The number to count from; a variable that is not there yet is 0."""
    if present is None:
        return 0
    if isinstance(present, bool) or not isinstance(present, int | float):
        raise NodeFailure("permanent", "not_a_number", f"Cannot count with variable {name!r}: it is no number.")
    return present


def as_step(config: Mapping[str, Any]) -> int | float:
    """How much to add or take away: `value`, 1 without one."""
    step = config.get("value", 1)
    if isinstance(step, bool) or not isinstance(step, int | float):
        raise NodeFailure("permanent", "not_a_number", f"`value` must be a number, but is {step!r}.")
    return step
