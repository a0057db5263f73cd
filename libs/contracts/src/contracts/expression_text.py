"""Where expressions stand in a text and which names they mention, found without evaluating anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Place = tuple[str | int, ...]
"""The path to a value inside a JSON document: names of members and indices."""

TEMPLATE_OPENS = "${"
"""A string that holds this is a template: its value is known only when the node runs."""

SECRETS = "secrets"
ROOTS = ("input", "nodes", "vars", "instance", "item", "index", "error", "compensated", SECRETS)
"""The names an expression may begin with."""

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_TRIPLE = r'[rRbB]{0,2}(?:"""(?s:.)*?"""|\'\'\'(?s:.)*?\'\'\')'
_RAW = r'[bB]?[rR][bB]?(?:"[^"\n]*"|\'[^\'\n]*\')'
_PLAIN = r'[bB]?(?:"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')'
_COMMENT = r"//[^\n]*"
_WORD = r"(?:\.\s*)?[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(rf"{_TRIPLE}|{_RAW}|{_PLAIN}|{_COMMENT}|(?P<word>{_WORD})|(?P<sign>(?s:.))")
_MEMBER = re.compile(
    r"\s*(?:\.\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:\"(?P<double>[^\"\\\n]*)\"|'(?P<single>[^'\\\n]*)')\s*\])"
)
_BINDING = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*,")
_CALLS = re.compile(r"\s*\(")
_OPENS = re.compile(r"\$?\$\{")


class Unclosed(ValueError):
    """A template opens an expression with `${` and never closes it."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of an expression in a template: the text between `${` and its closing brace."""

    expression: str


def pieces(template: str) -> tuple[str | Hole, ...]:
    """A template as literal text and holes, in order; `$${` stands for a literal `${`. Raises `Unclosed`.

    Braces and quotes inside an expression belong to it: `${ {"a": "}"}.a }` is one hole.
    """
    found: list[str | Hole] = []
    literal = ""
    place = 0
    while opening := _OPENS.search(template, place):
        literal += template[place : opening.start()]
        place = opening.end()
        if opening.group() == "$${":
            literal += "${"
            continue
        closing = _closing_brace(template, place)
        found += [literal] if literal else []
        found.append(Hole(template[place:closing].strip()))
        literal = ""
        place = closing + 1
    literal += template[place:]
    if literal or not found:
        found.append(literal)
    return tuple(found)


def templates_in(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every string value in a JSON document that holds an expression, with the path to it, in document order."""
    pending: list[tuple[Place, Any]] = [(place, value)]
    while pending:
        where, found = pending.pop()
        if isinstance(found, str):
            if TEMPLATE_OPENS in found:
                yield where, found
        elif isinstance(found, dict):
            pending += [((*where, name), member) for name, member in reversed(found.items())]
        elif isinstance(found, list):
            pending += [((*where, index), found[index]) for index in reversed(range(len(found)))]


def expressions_in(template: str) -> tuple[str, ...]:
    """The expressions of a template; none when it is malformed."""
    try:
        return tuple(piece.expression for piece in pieces(template) if isinstance(piece, Hole))
    except Unclosed:
        return ()


def paths(expression: str) -> tuple[tuple[str, ...], ...]:
    """What an expression reads: each root it mentions with the members that follow by name, `("nodes", "a", "label")`.

    A path ends where names end: at a method, a number or a computed index. A name that a macro binds may look like
    a root; such a path reads nothing.
    """
    return tuple(
        dict.fromkeys(
            (token["word"], *_members(expression, token.end()))
            for token in _TOKEN.finditer(expression)
            if token["word"] in ROOTS
        )
    )


def words(expression: str) -> Iterator[tuple[int, int, str]]:
    """Begin, end and text of every name outside of quotes and comments; a member keeps the dot before it."""
    for token in _TOKEN.finditer(expression):
        if token["word"]:
            yield token.start(), token.end(), token["word"]


def members_after(expression: str, end: int) -> tuple[tuple[str, ...], int]:
    """The members by name that follow a root which ends there, and where they end."""
    members = _members(expression, end)
    for _ in members:
        found = _MEMBER.match(expression, end)
        end = found.end() if found else end
    return tuple(members), end


@lru_cache(maxsize=4_096)
def roots_read(expression: str) -> tuple[str, ...]:
    """The roots that an expression reads, each once; a name that one of its macros binds is none."""
    bound = {binding["name"] for binding in _BINDING.finditer(expression)}
    return tuple(dict.fromkeys(path[0] for path in paths(expression) if path[0] not in bound))


@lru_cache(maxsize=4_096)
def node_references(expression: str) -> tuple[str, ...]:
    """The node ids in `nodes.ID` and `nodes["ID"]`, each once."""
    return tuple(dict.fromkeys(path[1] for path in paths(expression) if path[0] == "nodes" and len(path) > 1))


def _members(expression: str, end: int) -> list[str]:
    members = []
    while member := _MEMBER.match(expression, end):
        end = member.end()
        if member["name"] and _CALLS.match(expression, end):
            break
        members.append(member["name"] or member["double"] or member["single"] or "")
    return members


def _closing_brace(template: str, begin: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(template, begin):
        sign = token["sign"]
        if sign == "{":
            depth += 1
        elif sign == "}" and depth == 0:
            return token.start()
        elif sign == "}":
            depth -= 1
    raise Unclosed(f"`${{` at character {begin - 2} is never closed by a brace")
