"""How JSON from outside becomes a contract, or a list of everything that is wrong with it."""

import pytest

from contracts.blueprint import BlueprintBody
from contracts.parsing import parse_body, pointer, read_body
from contracts.refusal import Invalid, Malformed
from contracts.workflow import RetryPolicy

MEMBERS = BlueprintBody.model_fields
START = {"id": "s", "type": "start"}


def problems(document: object) -> dict[str, tuple[str, str]]:
    """Pointer -> code and sentence."""
    found = parse_body(BlueprintBody, document)
    assert isinstance(found, tuple)
    return {problem.pointer: (problem.code, problem.message) for problem in found}


class TestABodyThatHolds:
    def test_is_the_contract(self) -> None:
        body = read_body(BlueprintBody, b'{"name":"a","nodes":[{"id":"s","type":"start"}]}')
        assert (body.name, body.nodes[0].id, body.edges) == ("a", "s", ())

    def test_may_come_decoded(self) -> None:
        assert isinstance(parse_body(BlueprintBody, {"name": "a", "nodes": [START]}), BlueprintBody)

    def test_may_hold_text_that_only_looks_suspicious(self) -> None:
        text = r"\\u0000 NaN 1234567890123456789 1e99 Infinity"
        assert isinstance(parse_body(BlueprintBody, {"name": text, "nodes": [START]}), BlueprintBody)


class TestABodyThatDoesNotHold:
    def test_tells_every_problem_at_once(self) -> None:
        found = problems(
            {
                "name": "",
                "nodes": [{"id": 1, "type": "start", "position": {"x": 1}}],
                "edges": [{"source": "a", "goal": "b"}],
                "config": {
                    "timeout_seconds": 9e9,
                    "retry": {"max_attempts": "3"},
                    "rate_limit": {"limit": 1, "scope": "all"},
                },
                "a/b": 1,
            }
        )
        assert found == {
            "/name": ("too_short", "Must not be empty."),
            "/nodes/0/id": ("wrong_type", "Must be text."),
            "/nodes/0/position/y": ("missing", "`y` is required."),
            "/edges/0/target": ("missing", "`target` is required."),
            "/edges/0/goal": (
                "unknown_member",
                "`goal` is not known here; known are `condition`, `id`, `on_error`, `source`, `target`.",
            ),
            "/config/timeout_seconds": ("out_of_range", "Must be at most 2,592,000."),
            "/config/retry/max_attempts": ("wrong_type", "Must be a whole number."),
            "/config/rate_limit/scope": ("not_allowed", "Must be 'user', 'team' or 'blueprint'."),
            "/a~1b": (
                "unknown_member",
                f"`a/b` is not known here; known are {', '.join(f'`{name}`' for name in sorted(MEMBERS))}.",
            ),
        }

    def test_takes_types_literally(self) -> None:
        assert problems({"name": "a", "nodes": [START], "is_template": "yes"}) == {
            "/is_template": ("wrong_type", "Must be true or false.")
        }

    def test_says_of_a_choice_what_would_fit(self) -> None:
        assert problems({"name": "a", "nodes": [START], "config": {"cache": True}}) == {
            "/config/cache": ("wrong_type", "Must be an object, or false.")
        }

    def test_says_of_a_choice_that_almost_fits_only_what_is_wrong(self) -> None:
        assert problems({"name": "a", "nodes": [START], "config": {"cache": {"ttl_seconds": 0}}}) == {
            "/config/cache/ttl_seconds": ("out_of_range", "Must be greater than 0.")
        }

    def test_that_is_no_object_at_all_points_at_the_whole(self) -> None:
        assert problems([]) == {"": ("wrong_type", "Must be an object.")}

    def test_without_items_is_empty(self) -> None:
        assert problems({"name": "a", "nodes": []}) == {"/nodes": ("too_short", "Must not be empty.")}

    def test_with_too_many_items_says_the_limit(self) -> None:
        many = {"name": "a", "nodes": [START], "edges": [{"source": "a", "target": "b"}] * 20_001}
        assert problems(many) == {"/edges": ("too_long", "Must hold at most 20,000 items.")}

    def test_becomes_a_refusal_that_counts_them(self) -> None:
        with pytest.raises(Invalid, match="The body has 2 problems") as refused:
            read_body(RetryPolicy, b'{"max_attempts":0,"jitter":2}')
        assert [problem.pointer for problem in refused.value.errors] == ["/max_attempts", "/jitter"]


class TestValuesThatNothingCanKeep:
    def test_are_each_pointed_at(self) -> None:
        values = rb'["\u0000",9223372036854775808,1e999,"\ud83d"]'
        found = parse_body(
            BlueprintBody, b'{"name":"a","nodes":[{"id":"s","type":"start","config":{"a":%b}}]}' % values
        )
        assert isinstance(found, tuple)
        assert [(problem.pointer, problem.code) for problem in found] == [
            ("/nodes/0/config/a/0", "nul_character"),
            ("/nodes/0/config/a/1", "out_of_range"),
            ("/nodes/0/config/a/2", "out_of_range"),
            ("/nodes/0/config/a/3", "lone_surrogate"),
        ]

    def test_are_found_in_names_too(self) -> None:
        assert problems({"name": "a", "nodes": [{**START, "config": {"a\0": 1}}]}) == {
            "/nodes/0/config/a\0": ("nul_character", "Text cannot hold the character U+0000.")
        }

    def test_are_told_together_with_what_is_wrong_with_the_shape(self) -> None:
        found = parse_body(
            BlueprintBody, b'{"name":7,"nodes":[{"id":"s","type":"start","name":"\\uDC00\\ud83d\\ude00"}]}'
        )
        assert isinstance(found, tuple)
        assert {problem.pointer: problem.code for problem in found} == {
            "/name": "wrong_type",
            "/nodes/0/name": "lone_surrogate",
        }

    def test_are_no_characters_in_two_halves_and_no_escaped_backslashes(self) -> None:
        raw = rb'{"name":"\ud83d\ude00 \\ud83d","nodes":[{"id":"s","type":"start","config":{"n":7777777777777777777}}]}'
        assert read_body(BlueprintBody, raw).name == "\N{GRINNING FACE} \\ud83d"

    def test_may_be_numbers_that_a_document_holds_and_json_does_not(self) -> None:
        assert problems({"name": "a", "nodes": [{**START, "config": {"a": float("nan")}}]}) == {
            "/nodes/0/config/a": ("out_of_range", "Must be a finite number.")
        }


NO_JSON = (
    b"",
    b"{",
    b'{"name": }',
    b'"\xff"',
    b"[" * 1_000 + b"]" * 1_000,
    b"[NaN]",
    b"[-Infinity]",
    b'["\\ud800", NaN]',
)


@pytest.mark.parametrize("raw", NO_JSON)
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_body(BlueprintBody, raw)


def test_a_pointer_escapes_its_own_signs() -> None:
    assert pointer(("a/b", 0, "~")) == "/a~1b/0/~0"
