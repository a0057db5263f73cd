"""CEL expressions over the state of a run: checked when written, compiled once, bounded in what they may cost.

Two rules of CEL surprise people. Whole numbers (`1`) and decimals (`1.0`) compare with each other but do not add up:
`input.amount > 100.0` works for the amount 120, `input.amount + 1.5` needs `double(input.amount) + 1.5`. And a
member that is not there is an error: ask with `has(input.note)` first. A map that an expression builds has its keys
in alphabetical order; one that it only reaches (`input.order`) is handed on as it is.
"""

import math
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from chassis.expression_costs import Shape, excess, extent_of, shape_of
from chassis.expression_faults import compile_fault, evaluation_fault, kind_of
from contracts.expression_text import ROOTS, paths
from contracts.message import rfc3339

Scope = Mapping[str, Any]
"""What the names of `contracts.expression_text.ROOTS` stand for, as far as they are in scope: plain JSON values."""

MAX_EXPRESSION_LENGTH = 8_192
"""Characters."""
MAX_EFFORT = 1_000_000
"""Values that all templates of one node read or make: less than half a second of work."""
COMPILED_EXPRESSIONS = 4_096
"""How many are kept compiled, the least recently used going first."""

_STEP = r"\.[A-Za-z_][A-Za-z0-9_]*|\[\"[^\"\\\n]*\"\]|\['[^'\\\n]*'\]|\[[0-9]{1,9}\]"
_PLAIN_PATH = re.compile(rf"({'|'.join(ROOTS)})((?:{_STEP})*)\Z")
_STEPS = re.compile(_STEP)
_ENVIRONMENT = cel.NewEnv(variables=dict.fromkeys(ROOTS, cel.Type.DYN))


class ExpressionError(Exception):
    """An expression that cannot be compiled, or that has no value over this scope."""

    def __init__(self, expression: str, message: str) -> None:
        """`message` is a sentence that says what to write instead, where that is known."""
        super().__init__(f"`{shortened(expression)}`: {message}")
        self.expression = expression
        self.message = message


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled expression and what it reads."""

    program: cel.Expression
    reads: tuple[tuple[str, ...], ...]
    shape: Shape


@dataclass(slots=True)
class Effort:
    """What several evaluations have cost together."""

    spent: int = 0


def check(expression: str) -> str | None:
    """A sentence on what is wrong with the expression, or None; says nothing about values."""
    try:
        _plan(expression)
    except ExpressionError as error:
        return error.message
    return None


def check_condition(expression: str) -> str | None:
    """Like `check`; refuses also what can never be true or false."""
    try:
        kind = _plan(expression).program.return_type()
    except ExpressionError as error:
        return error.message
    if kind in (cel.Type.BOOL, cel.Type.DYN):
        return None
    return f"a condition is true or false, this is of type {kind.name().lower()}"


def evaluate(expression: str, scope: Scope, effort: Effort | None = None) -> Any:
    """The expression's value as plain JSON; raises `ExpressionError`.

    What the expression merely reaches is not copied: treat the value as read-only. `effort` bounds several together.
    """
    path = _plain_path(expression)
    if path is not None:
        try:
            return _reach(path, scope)
        except LookupError:
            pass  # evaluated after all: the library says best what is missing
    plan = _plan(expression)
    _refuse_excess(expression, plan.shape, scope, effort)
    data = _pruned(plan.reads, scope)
    try:
        value = plan.program.eval(data=data)
        result = value.plain_value()
    except Exception as error:  # noqa: BLE001 - the library raises whatever the values provoked
        raise ExpressionError(expression, evaluation_fault(str(error), expression, scope)) from None
    if isinstance(result, bool | int | None):
        return result
    if value.type() == cel.Type.ERROR:
        raise ExpressionError(expression, evaluation_fault(result, expression, scope))
    return _json(expression, result)


def holds(expression: str, scope: Scope) -> bool:
    """Whether a condition is true; raises `ExpressionError` also when its value is not a boolean."""
    value = evaluate(expression, scope)
    if isinstance(value, bool):
        return value
    raise ExpressionError(
        expression, f"a condition is true or false, this is {kind_of(value)}; compare it with something"
    )


def shortened(expression: str, length: int = 120) -> str:
    """The expression on one line, cut for a message."""
    line = " ".join(expression.split())
    return line if len(line) <= length else line[: length - 1] + "…"


@lru_cache(maxsize=COMPILED_EXPRESSIONS)
def _plan(expression: str) -> Plan:
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise ExpressionError(
            expression, f"longer than {MAX_EXPRESSION_LENGTH:,} characters; split it over several nodes"
        )
    if not expression.strip():
        raise ExpressionError(expression, "the expression is empty")
    try:
        program = _ENVIRONMENT.compile(expression)
    except Exception as error:  # noqa: BLE001 - the library raises RuntimeError, and others for odd text
        raise ExpressionError(expression, compile_fault(str(error), expression)) from None
    return Plan(program, tuple(sorted(paths(expression), key=len)), shape_of(expression))


@lru_cache(maxsize=COMPILED_EXPRESSIONS)
def _plain_path(expression: str) -> tuple[str | int, ...] | None:
    """Root and steps of an expression that only reaches for something; such a one needs no evaluation."""
    path = _PLAIN_PATH.match(expression.strip())
    if path is None or check(expression) is not None:
        return None
    steps = (_step(step) for step in _STEPS.findall(path[2]))
    return (path[1], *steps)


def _step(text: str) -> str | int:
    if text.startswith("."):
        return text[1:]
    return text[2:-1][:-1] if text[1] in "\"'" else int(text[1:-1])


def _reach(path: Sequence[str | int], scope: Scope) -> Any:
    value: Any = scope
    for step in path:
        value = _member(value, step)
    return value


def _member(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        if isinstance(value, list):
            return value[step]
    elif isinstance(value, Mapping):
        return value[step]
    raise LookupError(step)


def _pruned(reads: Sequence[tuple[str, ...]], scope: Scope) -> dict[str, Any]:
    """The part of the scope that the expression reads: the library converts all that it is given."""
    pruned: dict[str, Any] = {}
    for path in reads:
        source, target = scope, pruned
        for step in path[:-1]:
            value = source.get(step)
            if not isinstance(value, Mapping) or target.get(step) is value:
                break
            source, target = value, target.setdefault(step, {})
        else:
            step = path[-1]
        if step in source and step not in target:
            whole = source[step]
            target[step] = whole if isinstance(whole, dict) or not isinstance(whole, Mapping) else dict(whole)
    return pruned


def _refuse_excess(expression: str, shape: Shape, scope: Scope, effort: Effort | None) -> None:
    """Raise where it may cost too much, alone or together with what was evaluated before."""
    read = {path: extent_of(_whole(path, scope)) for path in {*shape.inside, *shape.indexed, *shape.outside}}
    work, fault = excess(shape, read)
    if fault is None and effort is not None:
        effort.spent += work
        if effort.spent > MAX_EFFORT:
            fault = "too much work for one node: its templates read too much, too often; use a tool for it"
    if fault is not None:
        raise ExpressionError(expression, fault)


def _whole(path: Sequence[str], scope: Scope) -> Any:
    """What the path leads to, as far as it leads."""
    value: Any = scope
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return None if value is scope else value
        value = value[step]
    return value if isinstance(value, dict) or not isinstance(value, Mapping) else dict(value)


def _json(expression: str, value: Any) -> Any:
    """What CEL answered, as JSON has it: times and durations as text, bytes as base64, keys as text, in order."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, list):
        return [_json(expression, item) for item in value]
    if isinstance(value, dict):
        named = sorted((_key(key), member) for key, member in value.items())
        return {key: _json(expression, member) for key, member in named}
    return _json_scalar(expression, value)


def _json_scalar(expression: str, value: Any) -> str | float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise ExpressionError(expression, f"its value, {kind_of(value)}, is nothing JSON can hold")


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
