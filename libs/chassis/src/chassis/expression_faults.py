"""What the CEL library complains about, as a sentence that says what to write instead."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from contracts.expression_text import ROOTS, node_references

_PLACE = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")
_OPERATOR = re.compile(r"_?([^\sa-z_]+|in)_?")
_TYPES = {"int64": "int", "uint64": "uint", "float64": "double"}
_KINDS: Mapping[type, str] = {
    bool: "a boolean",
    str: "text",
    int: "a whole number",
    float: "a decimal number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def kind_of(value: Any) -> str:
    """What a JSON value is, in a word or two."""
    if isinstance(value, float) and not math.isfinite(value):
        return "an endless number"
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def compile_fault(raw: str, expression: str) -> str:
    """The library's first complaint about the text, with its column."""
    if "recursion depth" in raw or "recursion limit" in raw:
        return "nested too deeply (32 levels; a chain of 32 `+` is one): split it over several nodes"
    found = _PLACE.search(raw)
    if found is None:
        return _without_status(raw)
    line, column, complaint = int(found[1]), int(found[2]), _without_status(found[3])
    return f"{_complaint(complaint, expression)} ({_place(expression, line, column)})"


def evaluation_fault(raw: str, expression: str, scope: Mapping[str, Any]) -> str:
    """The library's complaint about the values."""
    complaint = _without_status(raw)
    for pattern, say in _FAULTS:
        found = pattern.search(complaint)
        if found:
            return say(found, expression, scope)
    return complaint[:1].lower() + complaint[1:]


def _without_status(raw: str) -> str:
    return _STATUS.sub("", raw.split("\n", 1)[0]).strip()


def _place(expression: str, line: int, column: int) -> str:
    return f"line {line}, column {column}" if "\n" in expression else f"column {column}"


def _complaint(complaint: str, expression: str) -> str:
    undeclared = re.match(r"undeclared reference to '([^']*)'", complaint)
    if undeclared:
        name = undeclared[1].split(".")[0]
        if re.search(rf"\b{re.escape(name)}\s*\(", expression):
            return f"`{name}` is not a function here, or not with these arguments"
        return f"`{name}` is not a name here; an expression can use {', '.join(ROOTS[:-1])} and {ROOTS[-1]}"
    overload = re.match(r"found no matching overload for '(.*)' applied to '\((.*)\)'", complaint)
    if overload:
        return _mismatch(overload[1], overload[2])
    if "<EOF>" in complaint and "expecting {" in complaint:
        return "the expression ends too early"
    return complaint.replace("Syntax error: ", "syntax error: ").split(" expecting {")[0]


def _mismatch(function: str, arguments: str) -> str:
    types = [_TYPES.get(kind, kind) for kind in re.split(r",\s*", arguments)] if arguments else []
    if function == "_?_:_":
        return f"`? :` needs a boolean and two values of one type, not {' and '.join(types)}; dyn(…) allows two types"
    operator = _OPERATOR.fullmatch(function)
    name = f"`{operator[1]}`" if operator else f"`{function}`"
    advice = _NUMBERS if {"int", "double"} <= set(types) or {"uint", "double"} <= set(types) else ""
    return f"{name} does not work on {' and '.join(types)}{advice}"


_NUMBERS = ": make both the same with double(…) or int(…), and write decimals as 1.0"

Fault = Callable[[re.Match[str], str, Mapping[str, Any]], str]


def _missing_member(found: re.Match[str], expression: str, scope: Mapping[str, Any]) -> str:
    name = found[1].strip('"')
    ran = scope.get("nodes") or {}
    if name in node_references(expression) and name not in ran:
        return f'node "{name}" has no output yet'
    return f'there is no member "{name}"; ask with has(…) first where it may be missing'


_WHERE = {
    "item": "inside loops and maps",
    "index": "inside loops and maps",
    "error": "once an error has been caught",
    "compensated": "in a node that undoes another",
}
"""Roots that are not always there, and where they are."""


def _missing_root(found: re.Match[str], _: str, __: Mapping[str, Any]) -> str:
    where = _WHERE.get(found[1])
    return f"`{found[1]}` has a value only {where}" if where else f"`{found[1]}` has no value"


def _no_overload(found: re.Match[str], _: str, __: Mapping[str, Any]) -> str:
    function = re.match(r"([^(]+)\((.*)\)$", found[1])
    if function:
        return _mismatch(function[1], function[2])
    if found[1] == "<jump_condition>":
        return "`? :` chooses by true or false, and this is neither"
    operator = _OPERATOR.fullmatch(found[1].lstrip("@"))
    return f"`{operator[1] if operator else found[1]}` does not work on these values: it wants others"


_FAULTS: tuple[tuple[re.Pattern[str], Fault], ...] = (
    (re.compile(r"Key not found in map : (.*)"), _missing_member),
    (re.compile(r'No value with name "(\w+)"'), _missing_root),
    (re.compile(r"No matching overloads found : (.*)"), _no_overload),
    (
        re.compile(r"index=(-?\d+) size=(\d+)"),
        lambda found, _, __: f"index {found[1]} is outside a list of {found[2]}",
    ),
    (
        re.compile(r"Applying SELECT to non-message type"),
        lambda _, __, ___: "a member is asked of something that is not an object",
    ),
    (
        re.compile(r"Iteration budget exceeded"),
        lambda _, __, ___: "more than 10,000 rounds; use a tool for long lists",
    ),
    (re.compile(r"construction from null"), lambda _, __, ___: "a text in its scope is not valid Unicode"),
)
"""Complaints about values, the first that matches speaks."""
