"""Workflows recorded from real systems, run again over HTTP: every task once, none before its parents, and how long."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from headrace.wfformat import Workflow, node_ids, to_blueprint
from headrace.workflow_tour import Source, find_workflows
from tests.support.api import Api

COUNT = 7
ROOT = Path(__file__).resolve().parents[2]
CRITICAL_PATH_SECONDS = 1.0
"""What the longest chain of tasks is scaled to."""
MAKESPAN_FACTOR = 25
"""A run that takes longer than this many critical paths has lost its parallelism."""


@pytest.fixture(scope="module")
def source() -> Source:
    """Recordings where there are any, else generated ones of the same shapes; its name says which."""
    with pytest.MonkeyPatch.context() as at_root:
        at_root.chdir(ROOT)
        return find_workflows()


@pytest.fixture(params=range(COUNT), ids=lambda place: f"workflow-{place + 1}")
def workflow(request: pytest.FixtureRequest, source: Source) -> Workflow:
    """One of them, from the smallest to the largest."""
    return source.workflows[request.param]


def test_there_are_as_many_as_are_run(source: Source) -> None:
    assert len(source.workflows) == COUNT
    assert max(len(workflow.tasks) for workflow in source.workflows) > 2_000


async def test_every_task_runs_once_and_none_before_its_parents(
    ada: Api, source: Source, workflow: Workflow, record_property: Callable[[str, str], None]
) -> None:
    scale = CRITICAL_PATH_SECONDS / workflow.critical_path_seconds
    blueprint = await ada.create(to_blueprint(workflow, scale))

    run = await ada.execute(blueprint, {}, config={"wait_seconds": 60})
    logs = await ada.logs(run["instance_id"])

    assert run["status"] == "completed", run["error"]
    began, ended = tasks(logs, "NodeStarted"), tasks(logs, "NodeCompleted")
    ids = node_ids(task.id for task in workflow.tasks)
    assert {node: len(times) for node, times in ended.items()} == dict.fromkeys(("start", *ids.values()), 1)
    assert {node: len(times) for node, times in began.items()} == dict.fromkeys(ids.values(), 1)
    early = [
        f"{task.id} began before {parent} had ended"
        for task in workflow.tasks
        for parent in task.parents
        if began[ids[task.id]][0] < ended[ids[parent]][0]
    ]
    assert early == []
    took = makespan(logs)
    record_property(
        "told",
        f"{workflow.name} ({source.name}): {len(workflow.tasks)} tasks, {workflow.dependencies} dependencies, "
        f"makespan {took.total_seconds():.2f} s beside a critical path of {CRITICAL_PATH_SECONDS:.2f} s",
    )
    assert CRITICAL_PATH_SECONDS * 0.99 <= took.total_seconds() < CRITICAL_PATH_SECONDS * MAKESPAN_FACTOR


def tasks(logs: list[dict], event: str) -> dict[str, list[int]]:
    """The places in the run's history at which this happened to each node."""
    found: dict[str, list[int]] = {}
    for entry in logs:
        if entry["event"] == event:
            found.setdefault(entry["node_id"], []).append(entry["seq"])
    return found


def makespan(logs: list[dict]) -> timedelta:
    """From the run's first fact to its last."""
    return datetime.fromisoformat(logs[-1]["time"]) - datetime.fromisoformat(logs[0]["time"])
