"""JSON Schema (2020-12 unless the schema names another draft): is it one, and does a value satisfy it.

References lead nowhere outside the schema, patterns are those that match in linear time (no look-around), and what it
may cost to hold a value against a schema is known before it is done.
"""

from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from chassis.schema_costs import TOO_MUCH, Costs, measure
from contracts.message import JsonObject
from contracts.parsing import pointer
from contracts.refusal import Problem

MAX_PROBLEMS = 100
"""How many are told of one value."""
MAX_TOLD_OF = 10_000
"""Values that one with several problems may hold; of a larger one the first is told."""
MAX_SENTENCE_LENGTH = 300
PATTERN_BYTES = 1024 * 1024
"""Of one pattern once it is compiled."""
COMPILED_SCHEMAS = 512
"""How many are kept compiled, the least recently used going first."""

_CODES = {
    "type": "wrong_type",
    "required": "missing",
    "additionalProperties": "unknown_member",
    "unevaluatedProperties": "unknown_member",
    "enum": "not_allowed",
    "const": "not_allowed",
    "minimum": "out_of_range",
    "maximum": "out_of_range",
    "exclusiveMinimum": "out_of_range",
    "exclusiveMaximum": "out_of_range",
    "minLength": "too_short",
    "minItems": "too_short",
    "maxLength": "too_long",
    "maxItems": "too_long",
    "pattern": "bad_format",
    "format": "bad_format",
}
"""The keyword that a value breaks -> our stable code; any other keyword gives `schema_mismatch`."""


def check_schema(schema: JsonObject) -> list[tuple[str, str]]:
    """What keeps it from being a JSON Schema: JSON pointer into the schema and a sentence; the first fault only."""
    try:
        text = orjson.dumps(schema)
        if fault := _costs(text).fault:
            return [("", fault)]
        _compiled(text)
    except jsonschema_rs.ValidationError as error:
        return [(pointer(error.instance_path), _sentence(error))]
    except (jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        return [("", f"{error}")]
    return []


def problems_of_value(schema: JsonObject, value: Any, at: tuple[str | int, ...] = ()) -> tuple[Problem, ...]:
    """Where the value breaks the (valid) schema; pointers begin at the place `at`."""
    text = orjson.dumps(schema)
    measured = measure(value)
    if _costs(text).too_much_for(measured):
        return (Problem(pointer=pointer(at), code="too_much_work", message=TOO_MUCH),)
    if measured.values > MAX_TOLD_OF:
        return _first_problem(text, value, at)
    found = _compiled(text).iter_errors(value)
    return tuple(_problem(error, at) for error in islice(found, MAX_PROBLEMS))


def _first_problem(schema: bytes, value: Any, at: tuple[str | int, ...]) -> tuple[Problem, ...]:
    """The library looks for all of them before it tells the first, unless it is asked for one."""
    try:
        _compiled(schema).validate(value)
    except jsonschema_rs.ValidationError as error:
        return (_problem(error, at),)
    return ()


@lru_cache(maxsize=COMPILED_SCHEMAS)
def _costs(schema: bytes) -> Costs:
    return Costs(orjson.loads(schema))


@lru_cache(maxsize=COMPILED_SCHEMAS)
def _compiled(schema: bytes) -> jsonschema_rs.Validator:
    limited = jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES)
    return jsonschema_rs.validator_for(
        orjson.loads(schema), offline=True, pattern_options=limited, validate_formats=True
    )


def _problem(error: jsonschema_rs.ValidationError, at: tuple[str | int, ...]) -> Problem:
    keyword = error.kind.name
    place = (*at, *error.instance_path)
    if keyword == "required":
        place = (*place, str(error.kind.value))
    return Problem(pointer=pointer(place), code=_CODES.get(keyword, "schema_mismatch"), message=_sentence(error))


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    text = f"{error.message}."
    return text if len(text) <= MAX_SENTENCE_LENGTH else f"{text[: MAX_SENTENCE_LENGTH - 2]}…."
