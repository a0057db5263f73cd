"""What a `variable` node does to its variable, and what it refuses to do."""

from typing import Any

import pytest

from execution.domain.variables import Change, changed_variable
from execution.nodes.action import NodeFailure


@pytest.mark.parametrize(
    ("before", "config", "after"),
    [
        ({}, {"operation": "set", "value": [1]}, [1]),
        ({"v": 1}, {"operation": "set", "value": None}, None),
        ({}, {"operation": "append", "value": "a"}, ["a"]),
        ({"v": ["a"]}, {"operation": "append", "value": "b"}, ["a", "b"]),
        ({}, {"operation": "increment"}, 1),
        ({"v": 1}, {"operation": "increment", "value": 0.5}, 1.5),
        ({"v": 1}, {"operation": "decrement"}, 0),
    ],
)
def test_the_variable_gets_a_new_value(before: dict[str, Any], config: dict[str, Any], after: Any) -> None:
    assert changed_variable(before, {"name": "v", **config}) == Change("v", after)


def test_a_deleted_variable_is_gone() -> None:
    assert changed_variable({"v": 1}, {"operation": "delete", "name": "v"}).deleted


def test_appending_leaves_the_list_before_as_it_was() -> None:
    before = {"v": ["a"]}
    changed_variable(before, {"operation": "append", "name": "v", "value": "b"})
    assert before == {"v": ["a"]}


@pytest.mark.parametrize(
    ("before", "config", "code"),
    [
        ({"v": 1}, {"operation": "append", "value": 1}, "not_a_list"),
        ({"v": "a"}, {"operation": "increment"}, "not_a_number"),
        ({"v": True}, {"operation": "decrement"}, "not_a_number"),
        ({"v": 1}, {"operation": "increment", "value": "2"}, "not_a_number"),
        ({}, {"operation": "double"}, "bad_operation"),
    ],
)
def test_what_does_not_fit_the_present_value_fails(before: dict[str, Any], config: dict[str, Any], code: str) -> None:
    with pytest.raises(NodeFailure) as failed:
        changed_variable(before, {"name": "v", **config})
    assert (failed.value.type, failed.value.code) == ("permanent", code)
