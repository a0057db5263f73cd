"""Templates: JSON in whose strings `${ CEL }` stands for a value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.templates import TemplateError, check, references, render

NAMES = "an expression can use input, nodes, vars, instance, item, index, error, compensated and secrets"
SCOPE: dict[str, Any] = {
    "input": {"name": "Ada", "amount": 120, "rate": 1.5, "none": None, "ok": True, "list": [1, {"a": "é"}]},
    "nodes": {"a.b": {"x": 1}},
    "vars": {},
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class TestAStringThatIsOneExpression:
    @pytest.mark.parametrize(
        ("template", "value"),
        [
            ("${ input.amount }", 120),
            ("${input.list}", [1, {"a": "é"}]),
            ("${ input.none }", None),
            ("${ input.ok && true }", True),
            ('${ {"a": 1}.a }', 1),
            ('${ "}" }', "}"),
            ("${ '{' + \"${\" }", "{${"),
            (r'${ "a\"}" }', 'a"}'),
            (r'${ r"\d}" }', r"\d}"),
            ('${ """a"}b""" }', 'a"}b'),
            ('${ {"a": {"b": [1, 2]}} }', {"a": {"b": [1, 2]}}),
            ("${ input.amount // the } sum\n }", 120),
        ],
    )
    def test_becomes_its_value_with_its_type(self, template: str, value: object) -> None:
        assert check(template) == []
        assert render(template, SCOPE) == value

    @given(json_values)
    def test_hands_any_value_on_unchanged(self, value: object) -> None:
        assert render("${ input }", {"input": value}) == value


class TestALongerString:
    @pytest.mark.parametrize(
        ("template", "text"),
        [
            ("Dear ${input.name},", "Dear Ada,"),
            ("${input.name}${input.amount}", "Ada120"),
            (" ${input.name}", " Ada"),
            ("${input.rate}/${input.none}/${input.ok}", "1.5/null/true"),
            ("list: ${input.list}", 'list: [1,{"a":"é"}]'),
            ("costs $5 {really}", "costs $5 {really}"),
            ("$${input.name}", "${input.name}"),
            ("$${ and ${input.name} $${", "${ and Ada ${"),
            ("$$${input.name}", "$${input.name}"),
            ("", ""),
        ],
    )
    def test_takes_the_values_in(self, template: str, text: str) -> None:
        assert check(template) == []
        assert render(template, SCOPE) == text

    @given(st.lists(st.text().filter(lambda text: "$" not in text and text), min_size=1, max_size=5))
    def test_keeps_what_stands_between(self, texts: list[str]) -> None:
        assert render("${ input.name }".join(["", *texts, ""]), SCOPE) == "Ada".join(["", *texts, ""])


class TestNestedJson:
    def test_is_rendered_in_every_string_value(self) -> None:
        template = {"a": ["${input.amount}", {"b": "x${input.amount}", "${input.name}": 1}], "n": 5, "z": None}
        assert render(template, SCOPE) == {"a": [120, {"b": "x120", "${input.name}": 1}], "n": 5, "z": None}

    @given(json_values.filter(lambda value: "${" not in str(value)))
    def test_without_templates_stays_as_it_is(self, value: object) -> None:
        assert render(value, {}) == value

    def test_escaped_comes_back_as_it_was_written(self) -> None:
        assert render({"a": "$${ input.name }"}, {}) == {"a": "${ input.name }"}


class TestProblems:
    def test_are_found_all_at_once_with_their_place(self) -> None:
        template = {"a": ["${ 1 + }", "ok ${input.x}"], "b/c": "${ foo } and ${ }", "d": "${ input"}
        assert check(template) == [
            ("/a/0", "`1 +`: the expression ends too early (column 4)"),
            (
                "/b~1c",
                f"`foo`: `foo` is not a name here; {NAMES} (column 1)",
            ),
            ("/b~1c", "``: the expression is empty"),
            ("/d", "`${` at character 0 is never closed by a brace; write $${ for a literal ${"),
        ]

    def test_of_values_are_told_with_their_place(self) -> None:
        with pytest.raises(TemplateError, match=r'^`input\.x`: there is no member "x".* \(in /a/0\)$') as failed:
            render({"a": ["${ input.x }"]}, SCOPE)
        assert failed.value.pointer == "/a/0"

    def test_of_text_are_told_when_rendered_unchecked(self) -> None:
        with pytest.raises(TemplateError, match="never closed"):
            render("${ input", SCOPE)

    def test_of_size_stop_the_rendering(self) -> None:
        scope = {"input": {"text": "x" * 600_000, "list": ["x" * 600_000]}}
        assert len(render("${ input.text }", scope)) == 600_000
        with pytest.raises(TemplateError, match="grows beyond 1,048,576 bytes"):
            render("${ input.text }${ input.text }", scope)
        with pytest.raises(TemplateError, match=r"grows beyond 1,048,576 bytes \(in /1\)"):
            render(["${ input.list }", "${ input.list }"], scope)


def test_references_name_the_nodes_that_are_read() -> None:
    template = {
        "a": "${ nodes.x.y } ${ nodes['a.b'] }",
        "b": ["${ nodes.x }", "${ input.nodes.z }", "${ nodes", "nodes.w"],
    }
    assert references(template) == ("x", "a.b")
