"""Recorded scientific workflows (WfFormat 1.5) as blueprints: a task becomes a node, a dependency an edge."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from headrace.errors import Complaint

SCHEMA_VERSION = "1.5"
NODE_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
START = "start"
PARALLEL_MAX = 1_000


@dataclass(frozen=True)
class Task:
    """One task as it was recorded: how long it ran (seconds) and which tasks had to end before it."""

    id: str
    runtime_seconds: float
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Workflow:
    """A recorded execution, parents before children."""

    name: str
    tasks: tuple[Task, ...]

    @property
    def dependencies(self) -> int:
        """How many edges lie between tasks."""
        return sum(len(task.parents) for task in self.tasks)

    @property
    def critical_path_seconds(self) -> float:
        """The longest chain of runtimes: no machine, however large, finishes sooner."""
        ends: dict[str, float] = {}
        for task in self.tasks:
            ends[task.id] = task.runtime_seconds + max((ends[parent] for parent in task.parents), default=0.0)
        return max(ends.values(), default=0.0)

    @property
    def work_seconds(self) -> float:
        """All runtimes added up."""
        return sum(task.runtime_seconds for task in self.tasks)


def read_workflow(name: str, document: Mapping[str, Any]) -> Workflow:
    """The workflow in a WfFormat document; raises `Complaint` for another version, a gap or a cycle."""
    if document.get("schemaVersion") != SCHEMA_VERSION:
        raise Complaint(f"{name}: WfFormat {document.get('schemaVersion')} is not supported: use {SCHEMA_VERSION}.")
    workflow = document["workflow"]
    runtimes = {task["id"]: float(task["runtimeInSeconds"]) for task in workflow["execution"]["tasks"]}
    specified = {task["id"]: task for task in workflow["specification"]["tasks"]}
    if unrun := sorted(specified.keys() - runtimes.keys()):
        raise Complaint(f"{name}: no recorded runtime for {unrun[0]}, so it cannot be run again.")
    parents = {identifier: tuple(task.get("parents") or ()) for identifier, task in specified.items()}
    tasks = [Task(identifier, runtimes[identifier], parents[identifier]) for identifier in _ordered(name, parents)]
    return Workflow(name, tuple(tasks))


def _ordered(name: str, parents: Mapping[str, Sequence[str]]) -> list[str]:
    missing = sorted({parent for found in parents.values() for parent in found} - parents.keys())
    if missing:
        raise Complaint(f"{name}: a task waits for {missing[0]}, which is not in the file.")
    try:
        return list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise Complaint(f"{name}: {error.args[1][0]} waits for itself, which no execution can have done.") from error


def to_blueprint(workflow: Workflow, scale: float, max_parallel: int = PARALLEL_MAX) -> dict[str, Any]:
    """The body of `POST /blueprints` that runs the workflow again, every runtime multiplied by `scale`.

    Each task is a `tool` node that sleeps; `start` leads to the tasks without parents, and nothing else is added.
    """
    ids = node_ids(task.id for task in workflow.tasks)
    nodes: list[dict[str, Any]] = [{"id": START, "type": "start"}]
    edges: list[dict[str, str]] = []
    for task in workflow.tasks:
        seconds = round(task.runtime_seconds * scale, 4)
        nodes.append(
            {
                "id": ids[task.id],
                "type": "tool",
                "name": task.id,
                "config": {"name": "sleep", "arguments": {"seconds": seconds}},
            }
        )
        sources = [ids[parent] for parent in task.parents] or [START]
        edges += [{"source": source, "target": ids[task.id]} for source in sources]
    return {
        "name": workflow.name,
        "description": f"{len(workflow.tasks)} recorded tasks, {workflow.dependencies} dependencies",
        "nodes": nodes,
        "edges": edges,
        "config": {"executor": "parallel", "max_parallel": max_parallel},
        "tags": ["wfformat"],
    }


def node_ids(task_ids: Iterable[str]) -> dict[str, str]:
    """A legal node id for each task id, its own wherever that is legal and not taken."""
    taken = {START}
    chosen: dict[str, str] = {}
    for task_id in task_ids:
        candidate = task_id if NODE_ID.fullmatch(task_id) else re.sub(r"[^A-Za-z0-9_.-]", "_", task_id)[:120] or "task"
        number, found = 2, candidate
        while found in taken:
            found, number = f"{candidate}_{number}", number + 1
        taken.add(found)
        chosen[task_id] = found
    return chosen


@dataclass(frozen=True)
class Verdict:
    """What a run of a workflow did, held against what was recorded."""

    ran: int
    wrong: tuple[str, ...]
    """Sentences about tasks that ran more than once, not at all, or before a parent had ended."""


def judge(workflow: Workflow, lines: Iterable[Mapping[str, Any]]) -> Verdict:
    """Check from a run's stream that every task ran once and none began before its parents had ended."""
    ids = node_ids(task.id for task in workflow.tasks)
    began: dict[str, int] = {}
    ended: dict[str, list[int]] = {}
    for line in lines:
        node = str((line.get("data") or {}).get("node_id"))
        if line.get("event") == "NodeStarted":
            began.setdefault(node, line["seq"])
        elif line.get("event") == "NodeCompleted":
            ended.setdefault(node, []).append(line["seq"])
    wrong = [
        f"{task.id} ran {len(ended.get(ids[task.id], ()))} times"
        for task in workflow.tasks
        if len(ended.get(ids[task.id], ())) != 1
    ]
    wrong += [
        f"{task.id} began before {parent} had ended"
        for task in workflow.tasks
        for parent in task.parents
        if ids[task.id] in began and ids[parent] in ended and began[ids[task.id]] < ended[ids[parent]][0]
    ]
    return Verdict(sum(map(len, (ended.get(ids[task.id], []) for task in workflow.tasks))), tuple(wrong))
