"""What holding a value against a JSON Schema may cost at most, known before it is done.

A schema may refer to itself twice for the same value, and then each level of the value doubles the work; a short
pattern may stand for thousands of states. Both are counted here: how often one value can be looked at, and how large
the patterns are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contracts.message import JsonObject

MAX_SCHEMAS = 20_000
"""Objects in one schema that may be schemas themselves."""
MAX_PATTERNS = 20_000
"""The size of all patterns of one schema: their characters and the repetitions they name."""
MAX_WORK = 2_000_000
"""Values times how often each may be looked at."""
MAX_MATCHING = 20_000_000
"""Characters of a value times the size of the largest pattern."""
NEVER_MORE = 10**9
MAX_REPEAT = 1_000
ENUM_SHARE = 4
"""So many members of an `enum` cost as much as one schema."""

HERE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"})
"""Keywords whose schemas are held against the same value."""
BELOW = frozenset(
    {
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems", "contentSchema"),
    }
)
"""Keywords whose schemas are held against what is in it."""
BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies"})
"""Keywords that hold an object of schemas."""
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NUMBER = re.compile(r"\d+")

TOO_MANY = f"a schema holds at most {MAX_SCHEMAS:,} schemas; make it smaller"
PATTERNS_TOO_LARGE = f"the patterns together are larger than {MAX_PATTERNS:,}; repeat less in them"
TOO_MUCH = "It cannot be held against its schema: too much work; make the value or the schema smaller."


@dataclass(frozen=True, slots=True)
class Measured:
    """Of a value: what it holds, how deep it is, how much text."""

    values: int
    depth: int
    text: int


class Costs:
    """Of one schema."""

    def __init__(self, schema: JsonObject) -> None:
        """Nothing is counted yet."""
        self._root = schema
        self._known: dict[tuple[int, int], tuple[int, int]] = {}
        self._anchors: dict[str, Any] = {}

    @cached_property
    def fault(self) -> str | None:
        """What makes it too large to be compiled at all."""
        if sum(1 for _ in _objects(self._root)) > MAX_SCHEMAS:
            return TOO_MANY
        return PATTERNS_TOO_LARGE if sum(self._patterns) > MAX_PATTERNS else None

    @cached_property
    def _patterns(self) -> tuple[int, ...]:
        return tuple(_weight(pattern) for found in _objects(self._root) for pattern in _patterns_of(found))

    def too_much_for(self, measured: "Measured") -> bool:
        """Whether holding a value of this measure against the schema may take too long."""
        if measured.text * max(self._patterns, default=0) > MAX_MATCHING:
            return True
        try:
            return self._looks(self._root, measured.depth) * measured.values > MAX_WORK
        except RecursionError:
            return True  # a chain of references so long that nobody wrote it by hand

    def _looks(self, schema: Any, depth: int) -> int:
        """How often a value, or any one below it down to this depth, may be looked at."""
        return min(max(self._counted(schema, depth, ())), NEVER_MORE)

    def _counted(self, schema: Any, depth: int, around: tuple[int, ...]) -> tuple[int, int]:
        """Looks at the value itself, and at most at one value in it."""
        if not isinstance(schema, dict) or id(schema) in around or depth < 0:
            return (1, 0)
        key = (id(schema), depth)
        if key not in self._known:
            here, below = 1 + len(schema.get("enum") or ()) // ENUM_SHARE, 0
            for child in _children(schema, BELOW):
                below = max(below, self._looks(child, depth - 1))
            for beside in (*_children(schema, HERE), *self._referred(schema)):
                more_here, more_below = self._counted(beside, depth, (*around, id(schema)))
                here, below = min(here + more_here, NEVER_MORE), min(below + more_below, NEVER_MORE)
            self._known[key] = (here, below)
        return self._known[key]

    def _referred(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        for keyword in REFERENCES:
            if isinstance(target := schema.get(keyword), str):
                yield self._at(target)

    def _at(self, target: str) -> Any:
        """What a reference leads to; the whole schema where that is not plain to see."""
        place: Any = self._root
        if not target.startswith("#/"):
            return self._anchored(target.removeprefix("#")) if target != "#" else place
        for step in target[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and name.isdigit() and int(name) < len(place):
                place = place[int(name)]
            elif isinstance(place, dict) and name in place:
                place = place[name]
            else:
                return self._root
        return place

    def _anchored(self, name: str) -> Any:
        if not self._anchors:
            for found in _objects(self._root):
                for keyword in ("$anchor", "$dynamicAnchor", "$id", "id"):
                    if isinstance(found.get(keyword), str):
                        self._anchors.setdefault(found[keyword].removeprefix("#"), found)
        return self._anchors.get(name, self._root)


def measure(value: Any) -> Measured:
    """Counted without recursion."""
    values = deepest = text = 0
    pending = [(value, 0)]
    while pending:
        found, depth = pending.pop()
        values += 1
        deepest = max(deepest, depth)
        if isinstance(found, str):
            text += len(found)
        elif isinstance(found, dict):
            text += sum(map(len, found))
            pending += [(member, depth + 1) for member in found.values()]
        elif isinstance(found, list):
            pending += [(item, depth + 1) for item in found]
    return Measured(values, deepest, text)


def _children(schema: Mapping[str, Any], keywords: frozenset[str]) -> Iterator[Any]:
    """The schemas in these keywords: one, a list of them, or an object of them."""
    for keyword in keywords & schema.keys():
        value = schema[keyword]
        if isinstance(value, list):
            yield from value
        elif isinstance(value, dict) and keyword in BY_NAME:
            yield from value.values()
        else:
            yield value


def _objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    pending = [schema]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            yield found
            pending += found.values()
        elif isinstance(found, list):
            pending += found


def _patterns_of(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(pattern := schema.get("pattern"), str):
        yield pattern
    if isinstance(named := schema.get("patternProperties"), dict):
        yield from named


def _weight(pattern: str) -> int:
    return len(pattern) + sum(min(int(number[:4]), MAX_REPEAT) for number in _NUMBER.findall(pattern))
