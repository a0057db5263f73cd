"""Comparisons and values of a definition in the language of conditions."""

from typing import Protocol

from tests.patterns.definition import Condition


class Values(Protocol):
    """Who knows the variables."""

    def value(self, term: tuple[str, str]) -> str:
        """The expression for a term."""
        ...


def quoted(text: str) -> str:
    """A text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def comparison(values: Values, condition: Condition) -> str:
    """A comparison; terms are equal as text and less or greater as numbers, as the form has it."""
    left, right = values.value(condition.left), values.value(condition.right)
    match condition.operator:
        case "equals":
            return f"string({left}) == string({right})"
        case "not-equals":
            return f"string({left}) != string({right})"
        case "less-than":
            return f"int({left}) < int({right})"
        case "greater-than":
            return f"int({left}) > int({right})"
        case _:
            return f"string({right}).matches(string({left}))"
