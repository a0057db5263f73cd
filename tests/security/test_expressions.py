"""Expressions that would take everything: refused before they begin, and in time."""

import time
from contextlib import suppress
from typing import Any

import pytest

from chassis.expressions import ExpressionError, check, evaluate
from chassis.templates import TemplateError, render
from contracts.workflow import MAX_VALUE_BYTES

CPU_SECONDS_MAX = 0.25
"""About 50 ms on a quiet machine; a stopwatch on a busy one lies upwards, processor time a little."""
SCOPE: dict[str, Any] = {
    "input": {
        "n": 5,
        "text": "a" * 1_000_000,
        "half": "a" * 500_000 + "b",
        "word": "a" * 1_000,
        "list": list(range(1_500)),
        "long": list(range(100_000)),
        "hundred": [1] * 100,
        "rows": [{"a": number, "b": "x" * 20} for number in range(1_000)],
        "names": {str(number): "n" * 100 for number in range(1_000)},
        "skewed": [[1] * 50_000, *range(500)],
    }
}
DOUBLING = ".map(x, [x, x])"
TEXT_GROWS = ".map(s, s + s + s + s + s + s + s + s)"
REFUSED = (
    "[1]" + DOUBLING * 25,
    "['aaaaaaaa']" + TEXT_GROWS * 20,
    "[{'a': 'x'}]" + ".map(m, {'a': m.a + m.a})" * 25,
    "[1].map(a, [1].map(b, [1].map(c, [a, a, b, b, c, c])))" + DOUBLING * 20,
    "input.list.map(x, input.list)",
    "input.list.map(x, input.skewed[0])",
    "input.list.map(x, input.list.map(y, y))",
    "input.list.map(x, x).map(x, x).map(x, x)",
    "input.hundred.map(x, input.text + input.text)",
    "input.hundred.map(x, input.word).map(b, input.hundred.map(c, b + b + b + b + b))",
    " + ".join(["input.long"] * 30),
    "[" + ", ".join(["input.long"] * 600) + "]",
    "[" + ", ".join(["input.text"] * 600) + "]",
    "(" + " + ".join(["input.list"] * 20) + ").map(x, x)",
    "input.list.all(x, input.long == input.long)",
    "input.rows.filter(x, x in input.rows)",
    "input.text.contains(input.half)",
    "input.list.exists(x, input.text.contains('b'))",
    "input.text.matches('a{0,1000}a{0,1000}b')",
    "input.text.matches('(a?){1000}b')",
    "input.list.exists(x, input.word.matches('(a|aa)+c'))",
    "input.text.matches('a{0,' + '1000}b')",
    "input.text.matches(input.word)",
    "matches(input.text, input.word)",
)
TAKEN = (
    "input.rows.filter(x, x.a > 700).map(x, {'a': x.a, 'b': x.b})",
    "input.rows.exists(x, x.b == 'y')",
    "input.list.all(x, x >= 0) && input.n in input.list",
    "input.long.size()",
    "input.text.contains('b')",
    "input.word.matches('^[a-z]+([.]b)*$')",
    'matches(input.word, "a{1,5}")',
    "string(input.n).matches(string(input.n))",
    "input.hundred.map(x, x + 1).filter(x, x > 1)",
    "[1, 2, 3].map(x, input.hundred[x] + input.n)",
    "input.rows.map(r, input.names[string(r.a)])",
)


def seconds(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("expression", REFUSED, ids=lambda text: text[:60])
def test_what_would_grow_without_end_is_refused_before_it_begins(expression: str) -> None:
    def refused() -> None:
        with pytest.raises(ExpressionError, match=r"too much work|lists of up to|written out|put together|pattern"):
            evaluate(expression, SCOPE)

    assert seconds(refused) < CPU_SECONDS_MAX


@pytest.mark.parametrize("expression", TAKEN, ids=lambda text: text[:60])
def test_what_people_write_is_worked_out_in_time(expression: str) -> None:
    assert seconds(lambda: evaluate(expression, SCOPE)) < CPU_SECONDS_MAX


NONSENSE = (
    *("(" * 5_000, "[" * 5_000, "-" * 8_000 + "1", "!" * 8_000 + "true", "a" * 8_000, "input" + ".a" * 4_000),
    *("\\" * 9, "'" + "\\u0041" * 1_000, "{" * 4_000, "'\\ud800'", "\ud800", "\0", "1" * 8_000, "0x" + "f" * 4_000),
    *("1e999999", "-" * 8_000, "input[" * 1_300, "a ? " * 2_000, "''' + '", "r'", "//" * 4_000),
)


@pytest.mark.parametrize("expression", NONSENSE, ids=lambda text: repr(text[:12]))
def test_whatever_is_written_is_judged_in_time_and_raises_nothing_else(expression: str) -> None:
    assert seconds(lambda: check(expression)) < 2 * CPU_SECONDS_MAX
    with suppress(ExpressionError):
        evaluate(expression, SCOPE)


class TestATemplate:
    def test_is_cut_where_its_value_grows_too_large(self) -> None:
        with pytest.raises(TemplateError, match=f"grows beyond {MAX_VALUE_BYTES:,} bytes"):
            render({"a": ["${ input.text }"] * 3}, SCOPE)

    def test_is_cut_where_it_asks_for_too_much_work_together(self) -> None:
        with pytest.raises(TemplateError, match="too much work for one node"):
            render(["${ input.long.size() }"] * 100, SCOPE)

    def test_may_reach_as_often_as_it_likes(self) -> None:
        assert render(["${ input.n }"] * 5_000, SCOPE) == [5] * 5_000
