"""Run recorded scientific workflows again through the API, and hold each run against its recording."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.client import Headrace
from headrace.errors import Complaint
from headrace.publishing import publish
from headrace.wfformat import Workflow, judge, read_workflow, to_blueprint
from headrace.wfshapes import generated

RECORDINGS = "wfinstances"
NEIGHBOUR = Path("..") / "shared" / "data"
CRITICAL_PATH_SECONDS = 2.0
"""The recorded times are scaled so that the longest chain of tasks takes this long."""


@dataclass(frozen=True)
class Source:
    """Where the workflows come from."""

    name: str
    workflows: tuple[Workflow, ...]


@dataclass(frozen=True)
class Replay:
    """One workflow run again."""

    workflow: Workflow
    critical_path_seconds: float
    makespan_seconds: float
    nodes: int
    wrong: tuple[str, ...]


def find_workflows() -> Source:
    """Recordings from `HEADRACE_DATA`, else from ../shared/data, else generated ones of the same shapes."""
    chosen = os.environ.get("HEADRACE_DATA")
    for folder in (Path(chosen),) if chosen else (NEIGHBOUR,):
        files = sorted((folder / RECORDINGS).glob("*.json"), key=lambda file: file.stat().st_size)
        if files:
            documents = ((file.stem, json.loads(file.read_text(encoding="utf-8"))) for file in files)
            workflows = tuple(read_workflow(name, document) for name, document in documents)
            return Source(f"recordings in {folder / RECORDINGS}", workflows)
    if chosen:
        raise Complaint(f"HEADRACE_DATA={chosen} has no {RECORDINGS}/*.json: correct it, or unset it.")
    return Source("generated, with the shapes of recorded ones", tuple(_generated()))


def _generated() -> Iterator[Workflow]:
    for name, document in generated():
        yield read_workflow(name, document)


def replay(client: Headrace, workflow: Workflow, owner: str, critical_path_seconds: float) -> Replay:
    """Run a workflow with its times scaled to a critical path of that many seconds, and judge the run."""
    scale = critical_path_seconds / workflow.critical_path_seconds if workflow.critical_path_seconds else 0.0
    blueprint, _ = publish(client, to_blueprint(workflow, scale), owner)
    begun = time.monotonic()
    lines = list(client.stream(str(blueprint["id"]), {}))
    makespan = time.monotonic() - begun
    verdict = judge(workflow, lines)
    wrong = verdict.wrong
    if not lines or lines[-1].get("event") != "InstanceCompleted":
        wrong = (f"the run ended with {lines[-1].get('event') if lines else 'nothing'}", *wrong)
    return Replay(workflow, workflow.critical_path_seconds * scale, makespan, verdict.ran, wrong)


def run_workflows(client: Headrace, owner: str = "demo") -> None:
    """Replay every workflow and print what came of it; complains when a run was wrong."""
    source = find_workflows()
    print(f"\nWorkflows: {source.name}\n")
    print(f"  {'workflow':<40} {'tasks':>6} {'edges':>6} {'ran':>6} {'critical path':>14} {'makespan':>9}")
    wrong: list[str] = []
    for workflow in source.workflows:
        done = replay(client, workflow, owner, CRITICAL_PATH_SECONDS)
        print(
            f"  {workflow.name:<40} {len(workflow.tasks):>6} {workflow.dependencies:>6} {done.nodes:>6} "
            f"{done.critical_path_seconds:>12.1f} s {done.makespan_seconds:>7.1f} s",
            flush=True,
        )
        wrong += [f"{workflow.name}: {sentence}" for sentence in done.wrong]
    if wrong:
        raise Complaint("A run was not as recorded: " + "; ".join(wrong[:5]) + ".")
    print("\n  Every task ran once, and none began before the tasks it depends on had ended.")
