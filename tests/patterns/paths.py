"""Which way a run took, and whether it is the way that was written down for it: a partial order of visits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from contracts import instance_events as facts
from contracts.message import StrictMessage
from contracts.workflow import BlueprintConfig, WorkflowGraph

PATTERNS = Path(__file__).parents[2] / "examples" / "patterns"
EXPECTED = Path(__file__).parent / "paths"


class Step(StrictMessage):
    """What somebody outside does, once `when` has begun and is not over, and `over` is."""

    when: str
    over: str | None = None
    signal: str | None = None
    payload: Any = None
    cancel: bool = False


class Expected(StrictMessage):
    """One way through a pattern.

    A visit is called `node`, its second one `node#2`, inside a body `map[0]/node`, in a child `call>node`. `path` has
    every visit that is completed, with those that must be over before it begins (`a|b`: one of these); `cancelled`
    likewise those that are given up. No others may be there.
    """

    title: str = "the one way"
    input: Any = Field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    status: str = "completed"
    output: Any = None
    path: dict[str, str | None]
    cancelled: dict[str, str | None] = Field(default_factory=dict)
    order: tuple[str, ...] = ()
    """`a b`: a is over before b is. What decides it is a delay, so it is judged where time is virtual."""
    apart: str = ""
    """Visits that are never under way at the same time."""


@dataclass
class Stay:
    """One visit: when it began and when it was over, counted in facts, and how."""

    begun: int
    over: int | None = None
    how: str = ""


def names() -> list[str]:
    """The patterns, by number."""
    return sorted(path.stem for path in PATTERNS.glob("*.yaml"))


def graph_of(name: str) -> tuple[WorkflowGraph, BlueprintConfig]:
    """The blueprint of a pattern."""
    body = yaml.safe_load((PATTERNS / f"{name}.yaml").read_text(encoding="utf-8"))
    graph = WorkflowGraph.model_validate({"nodes": body["nodes"], "edges": body["edges"]}, strict=False)
    return graph, BlueprintConfig.model_validate(body.get("config", {}))


def ways(name: str) -> list[Expected]:
    """The ways that are written down for a pattern."""
    written = yaml.safe_load((EXPECTED / f"{name}.yaml").read_text(encoding="utf-8"))
    return [Expected.model_validate(way, strict=False) for way in written]


def label_of(event: facts.NodeEvent, prefix: str = "") -> str:
    """What a visit is called."""
    parts = []
    for segment in event.scope.split("/") if event.scope else ():
        node_id, visit, _, index = segment.rsplit(":", 3)
        parts.append(f"{_numbered(node_id, int(visit))}[{index}]/")
    return prefix + "".join(parts) + _numbered(event.node_id, event.visit)


def _numbered(node_id: str, visit: int) -> str:
    return node_id if visit == 1 else f"{node_id}#{visit}"


def stays(history: Sequence[facts.InstanceEvent], prefix: str = "") -> dict[str, Stay]:
    """Every visit of a run; the queue before a critical section is no part of it."""
    found: dict[str, Stay] = {}
    for place, event in enumerate(history):
        if isinstance(event, facts.NodeStarted | facts.NodeCompleted | facts.ErrorCaught | facts.NodeCancelled):
            stay = found.setdefault(label_of(event, prefix), Stay(place))
            if not isinstance(event, facts.NodeStarted):
                stay.over, stay.how = place, type(event).__name__
    return found


def differences(expected: Expected, found: dict[str, Stay], *, timed: bool) -> Iterator[str]:
    """What is not as written, in plain sentences; empty when all is."""
    for how, written in (("NodeCompleted", expected.path), ("NodeCancelled", expected.cancelled)):
        taken = {label for label, stay in found.items() if stay.how == how}
        for label in sorted(written.keys() - taken):
            yield f"{label}: no {how}" + (f" but {found[label].how or 'still at work'}" if label in found else "")
        for label in sorted(taken - written.keys()):
            yield f"{label}: {how}, which is not written down"
        for label in written.keys() & taken:
            for before in (written[label] or "").split():
                if not any(_is_over(found, one, found[label].begun) for one in before.split("|")):
                    yield f"{label} began before {before} was over"
    yield from _inside(found)
    yield from _apart(expected, found)
    for pair in expected.order if timed else ():
        first, second = pair.split()
        if not _is_over(found, first, found[second].over or 0):
            yield f"{second} was over before {first}"


def _is_over(found: dict[str, Stay], label: str, at: int) -> bool:
    over = found[label].over if label in found else None
    return over is not None and over < at


def _inside(found: dict[str, Stay]) -> Iterator[str]:
    """Whatever happens in a body happens while its node is at work."""
    for label, stay in found.items():
        holder = found.get(label.rpartition("/")[0].rpartition("[")[0])
        if holder is not None and not holder.begun < stay.begun <= (stay.over or 0) < (holder.over or 0):
            yield f"{label} lived outside of the visit it belongs to"


def _apart(expected: Expected, found: dict[str, Stay]) -> Iterator[str]:
    times = sorted((found[label].begun, found[label].over or 0, label) for label in expected.apart.split())
    for (_, over, label), (begun, _, other) in pairwise(times):
        if begun < over:
            yield f"{label} and {other} were under way at the same time"


def ready_step(steps: Sequence[Step], done: int, found: Callable[[], dict[str, Stay]]) -> Step | None:
    """The next step, when its time has come."""
    if done >= len(steps):
        return None
    step, seen = steps[done], found()
    waits = step.when in seen and seen[step.when].over is None
    return step if waits and (step.over is None or _is_over(seen, step.over, 10**9)) else None
