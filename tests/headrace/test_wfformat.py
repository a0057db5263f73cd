"""Recorded workflows become blueprints with the same tasks and dependencies, and runs are held against them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Complaint
from headrace.wfformat import NODE_ID, START, Task, Workflow, judge, node_ids, read_workflow, to_blueprint
from headrace.wfshapes import SHAPES, generated


def document(tasks: dict[str, tuple[float, list[str]]], version: str = "1.5") -> dict:
    """A WfFormat document: seconds and parents by task id."""
    return {
        "schemaVersion": version,
        "workflow": {
            "specification": {"tasks": [{"id": name, "parents": parents} for name, (_, parents) in tasks.items()]},
            "execution": {"tasks": [{"id": name, "runtimeInSeconds": seconds} for name, (seconds, _) in tasks.items()]},
        },
    }


DIAMOND = read_workflow(
    "diamond", document({"d": (1.0, ["b", "c"]), "b": (2.0, ["a"]), "c": (5.0, ["a"]), "a": (3.0, [])})
)


@st.composite
def workflows(draw):
    """Any workflow: each task may wait for tasks before it."""
    ids = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12, unique=True))
    tasks = []
    for place, name in enumerate(ids):
        parents = draw(st.sets(st.sampled_from(ids[:place]))) if place else set()
        tasks.append(Task(name, draw(st.floats(0, 100)), tuple(sorted(parents))))
    return Workflow("any", tuple(tasks))


def test_parents_come_before_children_whatever_the_order_of_the_file():
    assert [task.id for task in DIAMOND.tasks] in (["a", "b", "c", "d"], ["a", "c", "b", "d"])


def test_the_critical_path_is_the_longest_chain():
    assert DIAMOND.critical_path_seconds == 9.0
    assert DIAMOND.work_seconds == 11.0


@given(workflows())
def test_every_task_becomes_one_tool_node_and_every_dependency_one_edge(workflow):
    blueprint = to_blueprint(workflow, scale=0.5)
    ids = node_ids(task.id for task in workflow.tasks)
    edges = {(edge["source"], edge["target"]) for edge in blueprint["edges"]}

    assert [node["id"] for node in blueprint["nodes"]] == [START, *(ids[task.id] for task in workflow.tasks)]
    assert all(NODE_ID.fullmatch(node["id"]) for node in blueprint["nodes"])
    assert len(set(ids.values())) == len(workflow.tasks)
    assert {edge for edge in edges if edge[0] != START} == {
        (ids[parent], ids[task.id]) for task in workflow.tasks for parent in task.parents
    }
    assert {target for source, target in edges if source == START} == {
        ids[task.id] for task in workflow.tasks if not task.parents
    }


def test_runtimes_are_scaled():
    seconds = {node["id"]: node["config"]["arguments"]["seconds"] for node in to_blueprint(DIAMOND, 0.1)["nodes"][1:]}

    assert seconds == {"a": 0.3, "b": 0.2, "c": 0.5, "d": 0.1}


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (document({"a": (1.0, [])}, version="1.3"), "WfFormat 1.3 is not supported"),
        (document({"a": (1.0, ["ghost"])}), "waits for ghost, which is not in the file"),
        (document({"a": (1.0, ["b"]), "b": (1.0, ["a"])}), "waits for itself"),
    ],
)
def test_a_recording_that_no_execution_can_have_left_is_refused(broken, sentence):
    with pytest.raises(Complaint, match=sentence):
        read_workflow("broken", broken)


def test_a_task_that_never_ran_is_refused():
    never = document({"a": (1.0, [])})
    never["workflow"]["execution"]["tasks"] = []

    with pytest.raises(Complaint, match="no recorded runtime for a"):
        read_workflow("never", never)


def line(seq: int, event: str, node: str) -> dict:
    return {"seq": seq, "event": event, "data": {"node_id": node}}


def run_of(*order: str) -> list[dict]:
    """A stream in which the nodes run one after the other."""
    events = [(event, node) for node in order for event in ("NodeStarted", "NodeCompleted")]
    return [line(seq, event, node) for seq, (event, node) in enumerate(events, 1)]


def test_a_run_in_order_is_right():
    assert judge(DIAMOND, run_of("a", "c", "b", "d")) == judge(DIAMOND, run_of("a", "b", "c", "d"))
    assert judge(DIAMOND, run_of("a", "b", "c", "d")).wrong == ()


def test_a_task_left_out_run_twice_or_begun_too_early_is_told():
    assert judge(DIAMOND, run_of("a", "b", "c")).wrong == ("d ran 0 times",)
    assert judge(DIAMOND, run_of("a", "b", "c", "d", "d")).wrong == ("d ran 2 times",)
    assert judge(DIAMOND, run_of("a", "b", "d", "c")).wrong == ("d began before c had ended",)


def test_generated_workflows_have_the_shapes_they_are_named_after():
    read = {name: read_workflow(name, found) for name, found in generated()}

    assert {name: len(workflow.tasks) for name, workflow in read.items()} == {
        name: int(name.rpartition("-")[2]) for name in SHAPES
    }
    assert [read_workflow(name, found) for name, found in generated()] == list(read.values())
    assert read["chain-5"].critical_path_seconds == read["chain-5"].work_seconds
