"""JSON Schema: is it one, and does a value satisfy it."""

import pytest

from chassis.schemas import MAX_PROBLEMS, check_schema, problems_of_value

ORDER = {
    "type": "object",
    "properties": {"amount": {"type": "number", "minimum": 0}, "a/b": {"enum": [1, 2]}, "when": {"format": "date"}},
    "required": ["amount"],
    "additionalProperties": False,
}


class TestASchema:
    @pytest.mark.parametrize("schema", [{}, ORDER, {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}])
    def test_is_accepted(self, schema: dict[str, object]) -> None:
        assert check_schema(schema) == []

    @pytest.mark.parametrize(
        ("schema", "pointer", "sentence"),
        [
            ({"properties": {"a": {"type": "text"}}}, "/properties/a/type", '"text" is not valid under any'),
            ({"properties": []}, "/properties", '[] is not of type "object".'),
            ({"pattern": "(?=look)"}, "/pattern", '"(?=look)" is not a "regex".'),
            ({"$ref": "#/nowhere"}, "", "Pointer '/nowhere' does not exist."),
            ({"$ref": "https://example.com/schema.json"}, "", "Retrieval is disabled"),
            ({"$schema": "https://example.com/draft"}, "", "Unknown meta-schema"),
        ],
    )
    def test_that_is_none_is_refused_with_its_place(
        self, schema: dict[str, object], pointer: str, sentence: str
    ) -> None:
        ((place, message),) = check_schema(schema)
        assert place == pointer
        assert sentence in message


class TestAValue:
    def test_that_satisfies_it_has_no_problems(self) -> None:
        assert problems_of_value(ORDER, {"amount": 12.5, "a/b": 2}) == ()

    def test_that_does_not_tells_every_place(self) -> None:
        found = problems_of_value(ORDER, {"a/b": 3, "x": 1, "when": "soon"}, at=("input",))
        assert {(problem.pointer, problem.code) for problem in found} == {
            ("/input/a~1b", "not_allowed"),
            ("/input/when", "bad_format"),
            ("/input", "unknown_member"),
            ("/input/amount", "missing"),
        }

    def test_is_quoted_only_so_far(self) -> None:
        (problem,) = problems_of_value({"type": "number"}, "x" * 10_000)
        assert len(problem.message) <= 300

    def test_full_of_faults_tells_the_first_hundred(self) -> None:
        assert len(problems_of_value({"items": {"type": "string"}}, list(range(1_000)))) == MAX_PROBLEMS
