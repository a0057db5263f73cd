"""Wide instances: the time per node does not grow with the width, and a recorded workflow runs as quickly as it can."""

from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from headrace.wfformat import PARALLEL_MAX, Workflow, to_blueprint
from headrace.workflow_tour import RECORDINGS, find_workflows
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.recorded import makespan_seconds
from tests.benchmarks.shared_data import SHARED, not_run
from tests.benchmarks.stack import BenchStack
from tests.support.blueprints import fan, step

WIDTHS = (500, 1_000, 2_000)
TRIES = 15
"""Of each width in turn, after one that does not count; the median of each width does."""
SPREAD = 1.2
"""The slowest time per node beside the quickest."""

ROOT = Path(__file__).resolve().parents[3]
TASKS = 2_122
CRITICAL_PATH_SECONDS = 1.0
"""What the longest chain of tasks is scaled to."""
MAKESPAN_BAR, MAKESPAN_GOAL = 1.3, 1.1
"""Times the larger of the critical path and the work at the node rate."""
WAIT_SECONDS = 60
WORKFLOW = f"a recorded workflow of {TASKS:,} tasks: makespan beside what is possible"
LIMITS = (f"≤ {MAKESPAN_BAR:g} ×", f"≤ {MAKESPAN_GOAL:g} ×")


@dataclass(frozen=True, slots=True)
class Width:
    """What one width took."""

    nodes: int
    seconds: float

    @property
    def ms_per_node(self) -> float:
        """The time of one node."""
        return self.seconds * 1000 / self.nodes


def measure(folder: Path) -> Sequence[Figure]:
    """Fans of tool nodes, then the recorded workflow in the same stack."""
    with BenchStack(folder) as stack:
        widths = _widths(stack)
        rate = max(width.nodes / width.seconds for width in widths)
        return [_spread(widths), _workflow(stack, rate)]


def _widths(stack: BenchStack) -> Sequence[Width]:
    blueprints = {nodes: stack.create(_fan(nodes)) for nodes in WIDTHS}
    seconds: dict[int, list[float]] = {nodes: [] for nodes in WIDTHS}
    for number in range(TRIES + 1):
        say("wide", f"{' / '.join(f'{nodes:,}' for nodes in WIDTHS)} tool nodes side by side, {number} of {TRIES}")
        for nodes, blueprint in blueprints.items():
            taken = makespan_seconds(stack, _ran(stack, blueprint))
            if number:
                seconds[nodes].append(taken)
    return [Width(nodes, median(taken)) for nodes, taken in seconds.items()]


def _fan(nodes: int) -> dict[str, Any]:
    tools = [step(f"s{number}", name="step", arguments={"after": "start"}) for number in range(nodes)]
    return fan(*tools) | {"config": {"executor": "parallel", "max_parallel": min(nodes, PARALLEL_MAX)}}


def _ran(stack: BenchStack, blueprint_id: str) -> str:
    body = {"input": {}, "config": {"wait_seconds": WAIT_SECONDS}}
    run: dict[str, Any] = stack.ask("POST", f"/blueprints/{blueprint_id}/execute", json=body)
    assert run["status"] == "completed", run
    return str(run["instance_id"])


def _spread(widths: Sequence[Width]) -> Figure:
    times = [width.ms_per_node for width in widths]
    spread = max(times) / min(times)
    told = ", ".join(f"{width.ms_per_node:.2f} ms at {width.nodes:,}" for width in widths)
    return Figure(
        "one wide instance: slowest time per node beside the quickest, of three widths",
        f"{spread:.2f} ×",
        f"≤ {SPREAD:g} ×",
        "",
        judged(spread, SPREAD),
        told,
    )


def _workflow(stack: BenchStack, rate: float) -> Figure:
    with chdir(ROOT):
        source = find_workflows()
    workflow = next((found for found in source.workflows if len(found.tasks) == TASKS), None)
    if not source.name.startswith("recordings") or workflow is None:
        return not_run(WORKFLOW, SHARED / RECORDINGS)
    say("wide", f"{workflow.name} ({rate:,.0f} nodes/s before)")
    return _makespan(stack, workflow, rate)


def _makespan(stack: BenchStack, workflow: Workflow, rate: float) -> Figure:
    scale = CRITICAL_PATH_SECONDS / workflow.critical_path_seconds
    blueprint = stack.create(to_blueprint(workflow, scale))
    seconds = median(makespan_seconds(stack, _ran(stack, blueprint)) for _ in range(TRIES))
    possible = max(CRITICAL_PATH_SECONDS, len(workflow.tasks) / rate)
    times = seconds / possible
    return Figure(
        WORKFLOW,
        f"{times:.2f} ×",
        *LIMITS,
        judged(times, MAKESPAN_BAR, MAKESPAN_GOAL),
        f"{workflow.name}: {seconds:.2f} s, possible {possible:.2f} s (critical path {CRITICAL_PATH_SECONDS:g} s, "
        f"{len(workflow.tasks):,} nodes at the {rate:,.0f} nodes/s of the widths above)",
    )
