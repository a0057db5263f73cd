"""What evaluating an expression may cost at most: judged before it begins, for nothing can stop it once it runs.

The library counts the rounds of macros, but not what one round does: a list that grows in each step, a text that is
put together again and again, a pattern that is tried at every place. What is read off the text here is rough and
errs upwards; a budget is about 50 milliseconds of work.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.expression_text import ROOTS, members_after, words

MAX_ITERATIONS = 10_000
"""Rounds of all macros of one evaluation together; the library enforces it."""
MAX_GATHERED_ITEMS = 1_500
"""Items of a list that `map` or `filter` may see: they take time and memory by the square of it."""
MAX_GATHERINGS = 3_000_000
"""Rounds times the longest list, where such macros stand in one another or follow each other."""
MAX_VALUES = 120_000
"""Values that are read or made, each as often as it is mentioned; so many characters are as much as one value:"""
CHARACTERS_PER_VALUE = 64
MAX_COMPARED = 1_000_000
"""Values that the rounds of macros look at."""
MAX_SEARCH = 200_000_000
"""Characters of the longest text times those of the next, where one is looked for in the other."""
MAX_MATCHING = 4_000_000
"""Characters times the size of the pattern that is tried on them."""
MAX_COMPOSED = 1_000
"""Characters, where the pattern is not written out and may be as bad as can be."""
MAX_REPEAT = 1_000
"""The library repeats nothing in a pattern more often."""

MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
GATHERING = frozenset({"map", "filter"})

_BINDING = re.compile(r"\s*\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*,")
_PATTERN = re.compile(r"""\s*\(\s*(?:[^()"']*,\s*)?[rR]?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*\)""")
_NUMBER = re.compile(r"\d+")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")

COMPOSED = "too much work: write the pattern of `matches` out as a text; one from elsewhere is for short texts"


@dataclass(frozen=True, slots=True)
class Macro:
    """A call of a macro: which, where its arguments stand, and how often it mentions what it binds."""

    kind: str
    begin: int
    end: int
    mentions: int
    depth: int
    """1 for one that stands in no other."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of an expression, whatever its values are."""

    length: int
    macros: tuple[Macro, ...]
    outside: tuple[tuple[str, ...], ...]
    """What is read, as often as it is mentioned outside of all macros."""
    inside: tuple[tuple[str, ...], ...]
    """The same, within them, where it is looked at whole."""
    indexed: tuple[tuple[str, ...], ...]
    """The same, where one of its items is asked for."""
    literals: int
    """Items that lists in the text may have."""
    joins: bool
    """Whether something may be put together with `+`."""
    searches: bool
    patterns: int
    """The size of all patterns together that are written out."""
    composed: bool
    """Whether a pattern is not, but comes from somewhere."""

    @property
    def growth(self) -> int:
        """How often a value of the first list may stand in the result."""
        product = 1
        for macro in self.macros:
            product = min(product * max(1, macro.mentions if macro.kind == "map" else 1), MAX_VALUES + 1)
        return product


@dataclass(frozen=True, slots=True)
class Extent:
    """Of one value: how much it holds, the items of its longest list, its two longest texts."""

    values: int
    largest: int
    """How much its largest item, or member, holds."""
    items: int
    text: int
    next_text: int


def shape_of(expression: str) -> Shape:
    """What an expression does."""
    spans = tuple(_macros(expression))
    outside: list[tuple[str, ...]] = []
    inside: list[tuple[str, ...]] = []
    indexed: list[tuple[str, ...]] = []
    for at, end, word in words(expression):
        if word in ROOTS:
            members, after = members_after(expression, end)
            within = any(span.begin <= at < span.end for span in spans)
            asked = expression[after:].lstrip().startswith("[")
            (outside if not within else indexed if asked else inside).append((word, *members))
    patterns = _patterns(expression)
    bare = _QUOTED.sub('""', expression)
    return Shape(
        length=len(expression),
        macros=spans,
        outside=tuple(outside),
        inside=tuple(inside),
        indexed=tuple(indexed),
        literals=bare.count(",") + 1,
        joins="+" in bare,
        searches=re.search(r"\bcontains\s*\(", bare) is not None,
        patterns=sum(map(_weight, patterns)),
        composed=sum(1 for _ in _matching(expression)) > len(patterns),
    )


def excess(shape: Shape, extents: Mapping[tuple[str, ...], Extent]) -> tuple[int, str | None]:
    """How much work it is at most, and a sentence when that is too much."""
    groups = (shape.inside, shape.indexed, shape.outside)
    inside, indexed, outside = [[extents[path] for path in paths] for paths in groups]
    found = [*inside, *indexed, *outside]
    longest = _longest(shape, [extent.items for extent in found])
    rounds = min(MAX_ITERATIONS, sum(longest**macro.depth for macro in shape.macros)) if shape.macros else 1
    repeated = rounds * (sum(extent.values for extent in inside) + sum(extent.largest for extent in indexed))
    read = sum(extent.values for extent in found) + shape.length // 8
    work = shape.growth * (read + repeated)
    looked_at = (1 + sum(macro.mentions for macro in shape.macros)) * read
    if any(macro.kind in GATHERING for macro in shape.macros):
        items = max((extent.items for extent in found), default=0)
        if items > MAX_GATHERED_ITEMS:
            limit = f"`map` and `filter` take lists of up to {MAX_GATHERED_ITEMS:,} items, this one has {items:,}"
            return work, f"{limit}; use a tool for more"
        if rounds * longest > MAX_GATHERINGS:
            return work, "too much work: `map` and `filter` meet too many items together; use a tool for it"
    if work > MAX_VALUES or looked_at > MAX_COMPARED:
        return work, "too much work: a long list meets a long text or list; use a tool for it"
    return work, _search_excess(shape, found, rounds)


def extent_of(value: Any) -> Extent:
    """Counted without recursion."""
    if not isinstance(value, list | dict):
        return _counted(value)
    children = list(value.values() if isinstance(value, dict) else value)
    if not any(isinstance(child, str | list | dict) for child in children):
        return Extent(1 + len(children), 1, len(children), 0, 0)
    parts = [_counted(child) for child in children]
    texts = sorted(length for part in parts for length in (part.text, part.next_text))
    return Extent(
        values=1 + sum(part.values for part in parts),
        largest=max(part.values for part in parts),
        items=max(len(children), *(part.items for part in parts)),
        text=texts[-1],
        next_text=texts[-2],
    )


def _counted(value: Any) -> Extent:
    values = items = text = next_text = 0
    pending = [value]
    while pending:
        found = pending.pop()
        values += 1
        if isinstance(found, str):
            values += len(found) // CHARACTERS_PER_VALUE
            if len(found) > next_text:
                text, next_text = max(text, len(found)), min(text, len(found))
        elif isinstance(found, list | dict):
            items = max(items, len(found))
            pending.extend(found.values() if isinstance(found, dict) else found)
    return Extent(values, values, items, text, next_text)


def _longest(shape: Shape, items: Sequence[int]) -> int:
    """Of a list that a macro may go through; not longer than the library lets it."""
    known = sum(items) + shape.literals if shape.joins else max((*items, shape.literals))
    return known if not shape.joins else min(known, MAX_ITERATIONS)


def _search_excess(shape: Shape, found: Sequence[Extent], rounds: int) -> str | None:
    texts = sorted((*(length for extent in found for length in (extent.text, extent.next_text)), 0, shape.length))
    if shape.searches and rounds * texts[-1] * texts[-2] > MAX_SEARCH:
        return "too much work: a long text is looked for in a long text; use a tool for it"
    if shape.composed and rounds * (texts[-1] + shape.length) > MAX_COMPOSED:
        return COMPOSED
    if shape.patterns and rounds * texts[-1] * shape.patterns > MAX_MATCHING:
        return "too much work: the text is too long for this pattern; use a tool for it"
    return None


def _macros(expression: str) -> Iterator[Macro]:
    found = list(words(expression))
    spans: list[tuple[str, int, int, str]] = []
    for _, end, word in found:
        kind = word.lstrip(". \t\n\r")
        binding = _BINDING.match(expression, end)
        if kind in MACROS and word.startswith(".") and binding:
            spans.append((kind, binding.end(), _closing(expression, end), binding[1]))
    for kind, begin, end, name in spans:
        mentions = sum(1 for at, _, word in found if word == name and begin <= at < end)
        depth = sum(1 for _, outer, close, _ in spans if outer <= begin < close)
        yield Macro(kind, begin, end, mentions, depth)


def _closing(expression: str, opening: int) -> int:
    """The place of the bracket that closes the first one from `opening`; what is quoted holds none."""
    blind = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), expression)
    depth = 0
    for place in range(opening, len(blind)):
        depth += {"(": 1, ")": -1}.get(blind[place], 0)
        if depth == 0 and blind[place] == ")":
            return place
    return len(blind)


def _patterns(expression: str) -> list[str]:
    return [found[1] for end in _matching(expression) if (found := _PATTERN.match(expression, end))]


def _matching(expression: str) -> Iterator[int]:
    """Where the name of each call of `matches` ends."""
    for _, end, word in words(expression):
        if word.strip(". ") == "matches" and expression[end:].lstrip().startswith("("):
            yield end


def _weight(pattern: str) -> int:
    return len(pattern) + sum(min(int(number[:4]), MAX_REPEAT) for number in _NUMBER.findall(pattern))
