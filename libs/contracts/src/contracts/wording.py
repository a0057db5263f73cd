"""What pydantic finds, in our words: a stable code and a plain sentence for each of its error types."""

from collections.abc import Callable, Mapping
from typing import Any


def code_of(kind: str) -> str:
    """Our stable code for one of pydantic's error types."""
    if kind in CODES:
        return CODES[kind]
    if kind.endswith(("_type", "_parsing", "_from_float")):
        return "wrong_type"
    return kind


def _json_words(expected: str) -> str:
    return expected.replace("False", "false").replace("True", "true").replace("None", "null")


def _number(value: float) -> str:
    return f"{value:,.12g}"


def _items_at_least(context: Mapping[str, Any]) -> str:
    least = context["min_length"]
    return "Must not be empty." if least == 1 else f"Must hold at least {least:,} items."


def _text_at_least(context: Mapping[str, Any]) -> str:
    least = context["min_length"]
    return "Must not be empty." if least == 1 else f"Must have at least {least} characters."


CODES: Mapping[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown_member",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "bad_format",
}
"""pydantic's error types -> our stable codes, where the two differ."""

SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: "Must be text.",
    "int_type": lambda _: "Must be a whole number.",
    "int_from_float": lambda _: "Must be a whole number.",
    "float_type": lambda _: "Must be a number.",
    "bool_type": lambda _: "Must be true or false.",
    "model_type": lambda _: "Must be an object.",
    "dict_type": lambda _: "Must be an object.",
    "list_type": lambda _: "Must be a list.",
    "tuple_type": lambda _: "Must be a list.",
    "none_required": lambda _: "Must be null.",
    "uuid_parsing": lambda _: "Must be a UUID.",
    "uuid_type": lambda _: "Must be a UUID.",
    "datetime_type": lambda _: "Must be an RFC 3339 time, such as 2026-01-31T12:00:00Z.",
    "datetime_from_date_parsing": lambda _: "Must be an RFC 3339 time, such as 2026-01-31T12:00:00Z.",
    "datetime_parsing": lambda _: "Must be an RFC 3339 time, such as 2026-01-31T12:00:00Z.",
    "literal_error": lambda context: f"Must be {_json_words(context['expected'])}.",
    "greater_than": lambda context: f"Must be greater than {_number(context['gt'])}.",
    "greater_than_equal": lambda context: f"Must be at least {_number(context['ge'])}.",
    "less_than": lambda context: f"Must be less than {_number(context['lt'])}.",
    "less_than_equal": lambda context: f"Must be at most {_number(context['le'])}.",
    "finite_number": lambda _: "Must be a finite number.",
    "string_too_short": _text_at_least,
    "string_too_long": lambda context: f"Must have at most {context['max_length']} characters.",
    "too_short": _items_at_least,
    "too_long": lambda context: f"Must hold at most {context['max_length']:,} items.",
    "string_pattern_mismatch": lambda context: f"Must match {context['pattern']}.",
}
"""pydantic's error types -> a plain sentence, from the error's context."""
