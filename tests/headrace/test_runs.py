"""Blueprint files on a real stack, as a person at a terminal works with them."""

import json
from pathlib import Path

import pytest

from headrace.blueprint_file import load_blueprint
from headrace.commands.options import connect, own_name
from headrace.publishing import publish

EXAMPLES = Path("examples").resolve()
FAILING = """
name: failing
nodes:
  - {id: start, type: start}
  - {id: bad, type: tool, config: {name: fail, arguments: {message: no luck, error_type: permanent, times: 9}}}
edges: [{source: start, target: bad}]
"""
BROKEN = "name: broken\nnodes:\n  - {id: start, type: start}\n  - {id: magic, type: magic}\n"
LONG = """
name: long
nodes:
  - {id: start, type: start}
  - {id: wait, type: delay, config: {seconds: 600.0}}
edges: [{source: start, target: wait}]
"""


def test_a_run_is_shown_node_by_node_with_its_outcome(on_stack):
    status, out, _ = on_stack("run", str(EXAMPLES / "hello.yaml"), "--input", '{"name": "Ada"}')

    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()[1:4]] == [["✓", "start"], ["✓", "greet"], ["✓", "end"]]
    assert 'output  {"greeting": "Hello, Ada!"}' in out
    assert "completed in" in out


def test_a_run_can_be_json_alone(on_stack):
    status, out, _ = on_stack("run", str(EXAMPLES / "hello.yaml"), "--input", '{"name": "Bo"}', "--json")
    execution = json.loads(out)

    assert status == 0
    assert list(execution) == ["instance_id", "status", "output", "metrics", "error"]
    assert (execution["status"], execution["output"]) == ("completed", {"greeting": "Hello, Bo!"})


def test_a_failed_run_says_where_and_why_and_exits_with_1(on_stack, file):
    status, out, _ = on_stack("run", file(FAILING))

    assert status == 1
    assert "error at bad  no luck (permanent," in out


def test_a_file_is_created_reused_and_updated(on_stack, file):
    name = "again and again"

    def run(text):
        return on_stack("run", file(text.replace("failing", name)))[1].splitlines()[0]

    assert run(FAILING) == f"{name} · version 1 (created)"
    assert run(FAILING) == f"{name} · version 1 (unchanged)"
    assert run(FAILING.replace("no luck", "still none")) == f"{name} · version 2 (updated)"


def test_a_refused_blueprint_lists_every_problem_and_exits_with_2(on_stack, file):
    status, _, err = on_stack("run", file(BROKEN))

    assert status == 2
    assert "/nodes/1/type  `magic` is not a node type" in err
    assert len(err.splitlines()) > 2


def test_a_refused_input_exits_with_2(on_stack):
    status, _, err = on_stack("run", str(EXAMPLES / "hello.yaml"), "--input", "{}")

    assert status == 2
    assert "/input" in err


@pytest.mark.parametrize("blueprint", [BROKEN, BROKEN.replace("broken", "''")], ids=["in shape", "out of shape"])
def test_validation_says_the_same_with_and_without_a_stack(headrace, on_stack, file, blueprint):
    path = file(blueprint)

    asked, found = on_stack("validate", path), headrace("validate", path)

    assert asked == found
    assert asked[0] == 1
    assert "/nodes/1/type  `magic` is not a node type" in asked[1]


def test_a_run_is_listed_logged_and_cancelled(on_stack, stack, file):
    with connect(stack.data_dir, None, None, None) as client:
        blueprint, _ = publish(client, load_blueprint(Path(file(LONG))), own_name(None))
        instance = client.execute(blueprint["id"], {}, mode="async")["instance_id"]

    cancelled = on_stack("cancel", instance)
    listed = json.loads(on_stack("instances", "--limit", "1", "--json")[1])
    logged = on_stack("logs", instance, "--follow")

    assert cancelled[0] == 0
    assert listed[0]["id"] == instance
    assert logged[1].splitlines()[0].endswith("info  Accepted.")
    assert on_stack("logs", instance, "--json")[1].count("InstanceCancelled") == 1


def test_status_knows_every_process_and_that_all_are_ready(on_stack):
    status, out, _ = on_stack("status", "--json")
    found = json.loads(out)
    keepers = ("blueprint", "execution", "metrics", "access")

    assert status == 0
    assert found["ready"]
    assert [found["processes"][name]["ready"] for name in keepers] == [True] * 4
    assert all(set(found["processes"][name]["lag"].values()) <= {0} for name in keepers)


def test_migrations_and_dead_letters_can_be_looked_at(on_stack):
    assert on_stack("migrate", "status")[1].count("0001_") >= 3
    assert on_stack("migrate", "up")[1].count("nothing to do") == 4
    assert on_stack("dead-letters")[1] == "No dead letters.\n"


def test_somebody_else_sees_nothing_of_it(on_stack):
    assert json.loads(on_stack("instances", "--user", "stranger", "--json")[1]) == []
