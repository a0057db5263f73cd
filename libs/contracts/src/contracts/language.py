"""What judges the texts inside a graph: functions that know the expression language, handed in from outside."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from contracts.expression_text import IDENTIFIER
from contracts.message import JsonObject

Findings = list[tuple[str, str]]
"""JSON pointer and sentence of each fault."""

_DOTTED = re.compile(r"\bnodes\.([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Language:
    """How expressions, conditions, templates and JSON Schemas are judged."""

    check_expression: Callable[[str], str | None]
    """A sentence on what is wrong with a bare expression, or None."""
    check_condition: Callable[[str], str | None]
    """The same, and it may be true or false."""
    check_template: Callable[[Any], Findings]
    check_schema: Callable[[JsonObject], Findings]


def spelling_hint(expression: str, node_ids: Container[str]) -> str:
    """What to write where an expression spells a node id with dots or dashes like a name; else nothing."""
    for spelled in _DOTTED.findall(expression):
        cuts = [place for place, sign in enumerate(spelled) if sign in ".-"]
        for end in (len(spelled), *reversed(cuts)):
            if not IDENTIFIER.match(spelled[:end]) and spelled[:end] in node_ids:
                return f'; write nodes["{spelled[:end]}"]'
    return ""
