"""A blueprint that runs others, from one command: their files go along."""

import json
from pathlib import Path

import pytest

from headrace.errors import Complaint
from headrace.publishing import naming

EXAMPLES = Path("examples").resolve()
PARENT, CHILD = str(EXAMPLES / "children.yaml"), str(EXAMPLES / "children" / "price.yaml")


def test_both_are_published_and_the_other_one_is_in_the_input(on_stack):
    status, out, _ = on_stack("run", PARENT, "--with", CHILD)

    assert status == 0
    assert [line.split(" · ")[0] for line in out.splitlines()[:2]] == ["price", "children"]
    assert 'output  {"lines": [9.0, 4.0], "delivery": 4.5}' in out


def test_the_family_is_shown_as_lineage(on_stack):
    run = json.loads(on_stack("run", PARENT, "--with", CHILD, "--json")[1])

    status, out, _ = on_stack("lineage", run["instance_id"], "--json")

    assert status == 0
    assert sorted(child["node_id"] for child in json.loads(out)["children"]) == [
        "delivery",
        "lines.call",
        "lines.call",
        "statistics",
    ]


def test_without_the_file_the_run_says_what_is_missing(on_stack):
    status, out, _ = on_stack("run", PARENT)

    assert status == 1
    assert "error at delivery" in out
    assert "blueprints" in out


def test_ids_join_what_is_in_the_input_already():
    given = {"n": 1, "blueprints": {"mine": "a"}}
    assert naming(given, {"price": "b"}) == {"n": 1, "blueprints": {"mine": "a", "price": "b"}}
    assert naming([1], {}) == [1]


@pytest.mark.parametrize("given", [[1], "text", {"blueprints": 3}])
def test_an_input_without_room_for_them_is_refused(given):
    with pytest.raises(Complaint, match="--input"):
        naming(given, {"price": "b"})
