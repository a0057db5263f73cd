"""CEL expressions: what they evaluate to, what is said when they cannot, what they may cost."""

import time
from types import MappingProxyType
from typing import Any

import pytest

from chassis.expressions import ExpressionError, check, check_condition, evaluate, holds

NAMES = "an expression can use input, nodes, vars, instance, item, index, error, compensated and secrets"
CHOICE = "`? :` needs a boolean and two values of one type"
SCOPE: dict[str, Any] = {
    "input": {
        "amount": 120,
        "rate": 1.5,
        "name": "Ada",
        "none": None,
        "ok": True,
        "list": [1, 2, 3],
        "z": {"b": 1, "a": 2},
    },
    "nodes": {"classify": {"label": "refund"}, "a.b": {"x": 1}},
    "vars": {"count": 2},
    "instance": {"id": "0190"},
}


def complaint(expression: str, scope: dict[str, Any] = SCOPE) -> str:
    with pytest.raises(ExpressionError) as failed:
        evaluate(expression, scope)
    return failed.value.message


class TestValues:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("input.amount", 120),
            ('nodes["a.b"].x', 1),
            ("input.list[2]", 3),
            ("input.none", None),
            ('nodes.classify.label == "refund" && input.amount > 100.0', True),
            ("input.list.map(n, n * 2)", [2, 4, 6]),
            ('{"b": input.rate, "a": [null]}', {"a": [None], "b": 1.5}),
            ("{1: true, false: 2}", {"1": True, "false": 2}),
            ('timestamp("2026-01-31T12:00:00Z")', "2026-01-31T12:00:00.000Z"),
            ('duration("90s")', "90s"),
            ('b"ab"', "YWI="),
            ("1u", 1),
            ("size(input.z) + input.z.a", 4),
            ('has(input.note) ? input.note : "-"', "-"),
            ("has(input.z.a) && !has(input.z.c)", True),
            ('input.z.exists(key, key == "a")', True),
            ("input.missing || true", True),
            ("\n  input.amount  ", 120),
        ],
    )
    def test_are_plain_json(self, expression: str, value: object) -> None:
        assert evaluate(expression, SCOPE) == value
        assert type(evaluate(expression, SCOPE)) is type(value)

    def test_reached_without_computing_are_handed_on_as_they_are(self) -> None:
        assert evaluate("input.z", SCOPE) is SCOPE["input"]["z"]
        assert list(evaluate("input.z", SCOPE)) == ["b", "a"]

    def test_may_come_from_a_view_of_the_state(self) -> None:
        view = {**SCOPE, "nodes": MappingProxyType(SCOPE["nodes"])}
        assert evaluate("nodes.classify.label", view) == "refund"
        assert evaluate('nodes.classify.label + "!"', view) == "refund!"
        assert evaluate("size(nodes)", view) == 2

    def test_of_loops_use_item_and_index(self) -> None:
        assert evaluate("item.n + index", {**SCOPE, "item": {"n": 5}, "index": 1}) == 6


class TestWholeNumbersAndDecimals:
    def test_compare(self) -> None:
        assert evaluate("input.amount > 100.0 && input.amount == 120.0 && input.rate < 2", SCOPE) is True

    def test_do_not_add_up_until_converted(self) -> None:
        assert "double(…)" in complaint("input.amount + 1.5")
        assert evaluate("double(input.amount) + 1.5", SCOPE) == 121.5


class TestComplaints:
    @pytest.mark.parametrize(
        ("expression", "sentence"),
        [
            ("input.note", 'there is no member "note"; ask with has(…) first where it may be missing'),
            ("nodes.later.x", 'node "later" has no output yet'),
            ("input.list[7]", "index 7 is outside a list of 3"),
            ("input.name.first", "a member is asked of something that is not an object"),
            ("item", "`item` has a value only inside loops and maps"),
            ('input.amount > "x"', "`>` does not work on int and string"),
            ("input.amount && true", "`&&` does not work on these values: it wants others"),
            ("input.amount ? 1 : 2", "`? :` chooses by true or false, and this is neither"),
            ("input.amount / 0", "divide by zero"),
            ('double("inf")', "its value, an endless number, is nothing JSON can hold"),
            ("type(1)", "its value, a Type, is nothing JSON can hold"),
        ],
    )
    def test_about_values_say_what_is_missing(self, expression: str, sentence: str) -> None:
        assert check(expression) is None
        assert complaint(expression) == sentence

    @pytest.mark.parametrize(
        ("expression", "sentence"),
        [
            ("", "the expression is empty"),
            ("1 +", "the expression ends too early (column 4)"),
            ("a b", "syntax error: extraneous input 'b' expecting <EOF> (column 3)"),
            ("1 +\n  ", "the expression ends too early (line 2, column 3)"),
            (
                "order.x",
                f"`order` is not a name here; {NAMES} (column 6)",
            ),
            ("now()", "`now` is not a function here, or not with these arguments (column 4)"),
            ('"a" > 1', "`>` does not work on string and int (column 5)"),
            (
                'input.ok ? 1 : "a"',
                f"{CHOICE}, not dyn and int and string; dyn(…) allows two types (column 10)",
            ),
            (
                "(" * 40 + "1" + ")" * 40,
                "nested too deeply (32 levels; a chain of 32 `+` is one): split it over several nodes",
            ),
            ("1" * 9_000, "longer than 8,192 characters; split it over several nodes"),
        ],
    )
    def test_about_the_text_are_made_before_anything_runs(self, expression: str, sentence: str) -> None:
        assert check(expression) == sentence
        assert complaint(expression) == sentence

    def test_name_the_expression_shortened(self) -> None:
        with pytest.raises(ExpressionError, match=r"^`input\.note`: there is no member"):
            evaluate("input.note", SCOPE)
        with pytest.raises(ExpressionError) as failed:
            evaluate("input.name +\n " + "+ ".join(["input.name"] * 20) + "+ 1", SCOPE)
        assert len(str(failed.value).split("`")[1]) == 120


class TestConditions:
    def test_are_true_or_false(self) -> None:
        assert holds("input.amount > 100", SCOPE) is True
        assert holds("input.ok", SCOPE) is True

    def test_of_another_type_are_refused_when_written(self) -> None:
        assert check_condition("1 + 1") == "a condition is true or false, this is of type int"
        assert check_condition("input.amount") is None

    def test_of_another_value_are_refused_when_run(self) -> None:
        with pytest.raises(ExpressionError, match="this is a whole number; compare it with something"):
            holds("input.amount", SCOPE)


class TestTheBudget:
    def test_stops_nested_macros(self) -> None:
        cube = "input.list.map(a, input.list.map(b, input.list.map(c, a * b * c)))"
        assert "too much work" in complaint(cube, {"input": {"list": list(range(50))}})

    def test_stops_macros_that_go_on(self) -> None:
        assert "more than 10,000 rounds" in complaint("input.all(n, true)", {"input": list(range(10_001))})

    def test_stops_lists_too_long_to_gather(self) -> None:
        long = {"input": {"list": list(range(5_000))}}
        assert "lists of up to 1,500 items, this one has 5,000" in complaint("input.list.filter(n, n > 1)", long)
        assert evaluate("input.list.exists(n, n > 4998)", long) is True

    def test_stops_a_long_list_that_meets_a_long_text(self) -> None:
        scope = {"input": {"list": list(range(1_000)), "text": "x" * 500_000}}
        assert "too much work" in complaint("input.list.map(n, input.text + string(n))", scope)

    def test_does_not_pay_for_what_an_expression_does_not_read(self) -> None:
        heavy = {"input": {"amount": 1, "rows": [{"n": n, "text": "x" * 50} for n in range(20_000)]}}
        evaluate("input.amount > 0", heavy)
        began = time.process_time()
        for _ in range(100):
            evaluate("input.amount > 0", heavy)
        assert time.process_time() - began < 0.1
