"""JSON Schemas that would take for ever, or lead outside: refused, or their values are."""

import time
from typing import Any

import pytest

from chassis.schemas import check_schema, problems_of_value

CPU_SECONDS_MAX = 0.4


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"x": value}
    return value


def chain(length: int) -> dict[str, Any]:
    links = {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(length)}
    return {"$defs": {**links, f"d{length}": {}}, "$ref": "#/$defs/d0"}


def doubling(length: int) -> dict[str, Any]:
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(length)}
    return {"$defs": {**twice, f"d{length}": {"type": "string"}}, "$ref": "#/$defs/d0"}


AGAIN = {"properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"]}
TREE = {"type": "object", "properties": {"x": {"$ref": "#"}}, "additionalProperties": False}
TOO_MUCH = (
    ({"$defs": {"a": {"anyOf": [AGAIN, AGAIN]}}, "$ref": "#/$defs/a"}, nested(25)),
    ({"$defs": {"a": {"oneOf": [AGAIN, {"not": AGAIN}]}}, "$ref": "#/$defs/a"}, nested(30)),
    ({"$dynamicAnchor": "n", "allOf": [{"properties": {"x": {"$dynamicRef": "#n"}}}] * 2}, nested(30)),
    ({"$id": "urn:n", "allOf": [{"additionalProperties": {"$ref": "urn:n"}}] * 3}, nested(30)),
    (doubling(40), "x"),
    (chain(5_000), "x"),
    ({"pattern": "a{0,1000}a{0,1000}a{0,1000}b"}, "a" * 100_000),
    ({"patternProperties": {"a{0,1000}a{0,1000}b": {}}}, {"a" * 100_000: 1}),
    ({"items": {"enum": [{"x": number} for number in range(2_000)]}}, [{"y": number} for number in range(4_000)]),
)
TAKEN = (
    (TREE, nested(90)),
    (doubling(8), "x"),
    ({"items": {"type": "integer"}}, list(range(100_000))),
    ({"pattern": "^[A-Za-z0-9._%+-]+@[a-z.]+$"}, "a" * 100_000 + "@example.com"),
    ({"uniqueItems": True}, [{"n": number} for number in range(5_000)]),
    ({"items": {"enum": [f"country-{number}" for number in range(250)]}}, ["country-7"] * 5_000),
)


@pytest.mark.parametrize(("schema", "value"), TOO_MUCH)
def test_too_much_work_is_refused_before_it_is_done(schema: dict[str, Any], value: Any) -> None:
    began = time.process_time()
    (problem,) = problems_of_value(schema, value, at=("input",))
    assert (problem.pointer, problem.code) == ("/input", "too_much_work")
    assert time.process_time() - began < CPU_SECONDS_MAX


@pytest.mark.parametrize(("schema", "value"), TAKEN)
def test_what_people_write_is_judged(schema: dict[str, Any], value: Any) -> None:
    assert check_schema(schema) == []
    assert problems_of_value(schema, value) == ()


def test_a_large_value_full_of_faults_is_told_the_first() -> None:
    (problem,) = problems_of_value({"items": {"type": "string"}}, list(range(100_000)))
    assert problem.pointer == "/0"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/x",
        "https://example.com/x",
        "file:///etc/passwd",
        "//example.com/x",
        "other.json",
        "ftp://x/y",
    ],
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$schema"])
def test_nothing_is_fetched_for_a_schema(keyword: str, target: str) -> None:
    assert check_schema({keyword: target}) != []


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{}] * 50_000},
        {"properties": {f"p{number}": {"pattern": "a{0,1000}"} for number in range(100)}},
        {"pattern": "(a{0,1000}){0,1000}"},
        {"minLength": 10**400},
        {"$ref": "#/$defs/a~2"},
        {"type": ["object"] * 1_000},
        {"$defs": {"a": {"$ref": "#/$defs/b"}}, "$ref": "#/$defs/a"},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_what_cannot_be_used_is_refused_in_time(schema: dict[str, Any]) -> None:
    began = time.process_time()
    assert check_schema(schema) != []
    assert time.process_time() - began < CPU_SECONDS_MAX
