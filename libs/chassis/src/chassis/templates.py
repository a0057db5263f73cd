"""Templates: JSON in whose strings `${ CEL }` stands for a value.

A string that is exactly one `${…}` becomes the value itself, with its type; in a longer string text is put in as it
is and anything else as JSON. `$${` is a literal `${`. Only string values are templates, names of members never are.
"""

from functools import lru_cache
from typing import Any

import orjson

from chassis.expressions import COMPILED_EXPRESSIONS, Effort, ExpressionError, Scope, evaluate, shortened
from chassis.expressions import check as check_expression
from contracts.expression_text import (
    TEMPLATE_OPENS,
    Hole,
    Place,
    Unclosed,
    expressions_in,
    node_references,
    pieces,
    templates_in,
)
from contracts.parsing import pointer
from contracts.workflow import MAX_VALUE_BYTES


class TemplateError(ExpressionError):
    """A template whose expression cannot be evaluated; `pointer` says where in the rendered value it stands."""

    def __init__(self, expression: str, message: str, place: Place) -> None:
        """`place` is the path of member names and indices to the string."""
        self.pointer = pointer(place)
        super().__init__(expression, f"{message} (in {self.pointer})" if place else message)


class _Rendering:
    """One rendering: the scope, and how much room its result has left."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.room = MAX_VALUE_BYTES
        self.effort = Effort()
        self.measured: dict[int, tuple[Any, int]] = {}

    def value(self, template: Any, place: Place) -> Any:
        if isinstance(template, str):
            return self.text(template, place) if TEMPLATE_OPENS in template else template
        if isinstance(template, dict):
            return {key: self.value(member, (*place, key)) for key, member in template.items()}
        if isinstance(template, list):
            return [self.value(item, (*place, index)) for index, item in enumerate(template)]
        return template

    def text(self, template: str, place: Place) -> Any:
        try:
            parts = _parts(template)
        except Unclosed as error:
            raise TemplateError(template, str(error), place) from None
        if len(parts) == 1 and isinstance(parts[0], Hole):
            return self.filled(parts[0], place)
        return "".join(part if isinstance(part, str) else as_text(self.filled(part, place)) for part in parts)

    def filled(self, hole: Hole, place: Place) -> Any:
        try:
            found = evaluate(hole.expression, self.scope, self.effort)
        except ExpressionError as error:
            raise TemplateError(error.expression, error.message, place) from None
        self.room -= self.size(found)
        if self.room < 0:
            raise TemplateError(hole.expression, f"the value grows beyond {MAX_VALUE_BYTES:,} bytes", place)
        return found

    def size(self, found: Any) -> int:
        """Bytes of the value as JSON; each container is measured once, however often it is mentioned."""
        if isinstance(found, str):
            return len(found)
        if not isinstance(found, dict | list):
            return 8
        if id(found) not in self.measured:
            self.measured[id(found)] = (found, len(orjson.dumps(found)))
        return self.measured[id(found)][1]


def render(value: Any, scope: Scope) -> Any:
    """The value with every template in it replaced; raises `TemplateError`.

    What an expression merely reaches (`${ input }`) is handed on without a copy: treat the result as read-only.
    """
    return _Rendering(scope).value(value, ())


def check(value: Any) -> list[tuple[str, str]]:
    """What is wrong with the templates in the value: JSON pointer and sentence, nothing evaluated."""
    problems = []
    for place, template in templates_in(value):
        try:
            parts = _parts(template)
        except Unclosed as error:
            problems.append((pointer(place), f"{error}; write $${{ for a literal ${{"))
            continue
        for hole in (part for part in parts if isinstance(part, Hole)):
            complaint = check_expression(hole.expression)
            if complaint:
                problems.append((pointer(place), f"`{shortened(hole.expression)}`: {complaint}"))
    return problems


def references(value: Any) -> tuple[str, ...]:
    """The ids of the nodes whose outputs the templates mention, each once; malformed templates mention none."""
    expressions = (expression for _, template in templates_in(value) for expression in expressions_in(template))
    return tuple(dict.fromkeys(node_id for expression in expressions for node_id in node_references(expression)))


def as_text(value: Any) -> str:
    """A value inside a longer text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


_parts = lru_cache(maxsize=COMPILED_EXPRESSIONS)(pieces)
