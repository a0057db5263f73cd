"""Holds a converted definition against a path: the path says which activity ends next, the engine which may."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution.domain.graph import CompiledGraph
from execution.domain.routing import rendered_config
from execution.domain.visits import Visit
from tests.patterns.definition import Definition
from tests.patterns.lineage import Lineage, Task
from tests.patterns.pure_run import PureRun
from tests.patterns.structure import JOINS
from tests.patterns.translate import Translation
from tests.patterns.xml_form import read

FIELDS = {"two": 2, "three": 3, "test_attribute1": "false", "test_attribute2": "true"}
"""What the definitions take for granted."""
INDENT = 2
SHOWN = 5
"""Lines before the one that differs."""
LOOKS = 3
"""So often whoever waits for a variable looks again after each activity."""
MAX_CALLS = 100
"""Definitions that call others, at the same time."""
PATIENT_KINDS = frozenset({"trigger", "gate", "acquire-mutex"})
"""Where a task may be done later than its branch, so that indentation alone does not name its parent."""


@dataclass
class Line:
    """One visit as the path has it."""

    number: int
    depth: int
    name: str
    parent: "Line | None"
    """By indentation: the nearest line before it that is one level up, in the same branch."""
    task: Task | None = None

    def __str__(self) -> str:
        return f"line {self.number}: {' ' * INDENT * self.depth}{self.name}"


class Live:
    """A run and where its tasks come from."""

    def __init__(self, definition: Definition, input: Any, origin: Task | None = None) -> None:
        """Accepted, and as far as it gets by itself."""
        self.definition = definition
        self.graph = WorkflowGraph.model_validate(
            {key: value for key, value in Translation(definition).blueprint().items() if key in ("nodes", "edges")},
            strict=False,
        )
        self.run = PureRun(self.graph, input, BlueprintConfig(max_visits=1000))
        self.lineage = Lineage(CompiledGraph(self.graph), origin)
        self.lineage.hear(self.run.facts)

    def in_flight(self) -> Iterator[Task]:
        """The tasks that may end now, the oldest first."""
        for visit in self.run.instance.running:
            if visit in self.lineage.tasks:
                yield self.lineage.tasks[visit]

    def end(self, visit: Visit) -> None:
        """A task ends; whoever waits for something looks whether it has come."""
        self.lineage.hear(self.run.end(visit))
        self.look_again()

    def look_again(self) -> None:
        """Whoever waits for a variable looks whether it has come."""
        for _ in range(LOOKS):
            begun = len(self.run.facts)
            if not self.run.instance.ended and self.run.wait():
                self.lineage.hear(self.run.facts[begun:])

    def calls(self) -> Iterator[tuple[Visit, Path, Any]]:
        """Visits that call another definition, with its file and input."""
        for visit in list(self.run.instance.running):
            node = self.run.instance.node(visit)
            if node.type == "blueprint":
                config = rendered_config(self.run.instance, visit, node)
                yield visit, self.definition.file.parent / str(config["blueprint_id"]), config["input"]


class Replay:
    """A path walked on a run; what the path does not have, or has and cannot be, is told."""

    def __init__(self, definition: Definition, lines: list[Line], fields: dict[str, Any] | None = None) -> None:
        """The run has begun, and stands where its start has ended."""
        self.lines = lines
        self.fields = FIELDS | (fields or {})
        self.lives = [Live(definition, self.fields)]
        self.called: list[tuple[Live, Live]] = []
        self.patient = any(task.kind in PATIENT_KINDS for task in definition.tasks.values())

    def walk(self) -> list[str]:
        """What differs, in plain sentences; empty when the path is one that the engine takes."""
        pending = list(self.lines)
        while pending:
            line = pending[0] if self.take(pending[0]) else self.earlier(pending)
            if line is None:
                return self.stuck(pending[0])
            pending.remove(line)
        return self.left_over()

    def earlier(self, pending: list[Line]) -> Line | None:
        """A later line to take first: a join hears of a cancelled branch when that branch comes to where it ends."""
        tasks = self.lives[0].definition.tasks
        waits = pending[0].name.lower() in tasks and tasks[pending[0].name.lower()].kind in JOINS
        if not waits or not any(task.kind == "cancel-task" for task in tasks.values()):
            return None
        return next((line for line in pending[1:] if self.take(line)), None)

    def take(self, line: Line) -> bool:
        """Let the task of this line end, if it may end now."""
        for live in self.lives:
            for task in self.may_end(live):
                if self.fits(live, task, line):
                    line.task, task.line = task, line.number
                    self.end(live, task)
                    return True
        return False

    def may_end(self, live: Live) -> Iterator[Task]:
        """Tasks at work, and a start that has not been told yet: it ends by itself."""
        yield from (task for task in live.lineage.tasks.values() if task.name == "Start" and task.line is None)
        yield from list(live.in_flight())

    def fits(self, live: Live, task: Task, line: Line) -> bool:
        """Whether this is the visit that the line means: name, depth and parent."""
        if task.name.lower() != line.name.lower() or task.depth != line.depth or task.line is not None:
            return False
        if task.parent is None:
            return True
        if task.parent.line is None or task.parent.line > line.number:
            return False
        named = line.parent.task if line.parent is not None else None
        if named is task.parent or kind_of(live, task) in JOINS:
            return True
        return self.patient and not self.leads(live, named, task)

    def leads(self, live: Live, source: Task | None, target: Task) -> bool:
        """Whether one task may be the parent of another; a trigger that triggers again begins nothing again."""
        found = live.definition.tasks.get(source.name.lower()) if source is not None else None
        if found is None or source is None or (found.kind == "trigger" and source.visit.number > 1):
            return False
        return target.name.lower() in {successor.name for successor in found.successors}

    def end(self, live: Live, task: Task) -> None:
        """The task ends, unless it is a start, which has ended already."""
        if task.visit in live.run.instance.running:
            live.end(task.visit)
        self.follow_calls()

    def follow_calls(self) -> None:
        """Definitions that are called begin; where one has ended, its caller goes on."""
        for caller, child in list(self.called):
            if child.run.instance.ended:
                self.called.remove((caller, child))
                caller.lineage.hear(caller.run.child_ended(child.run))
                caller.look_again()
        for live in list(self.lives):
            for visit, file, input in live.calls():
                if len(self.lives) > MAX_CALLS:
                    raise live.definition.refuse(0, f"more than {MAX_CALLS} definitions call each other")
                child = Live(read(file), self.fields | input, live.lineage.carried[visit])
                live.lineage.hear(live.run.child_begun(visit, child.run))
                self.lives.append(child)
                self.called.append((live, child))

    def stuck(self, line: Line) -> list[str]:
        """The line that cannot be, and what could be instead."""
        could = [describe(task) for live in self.lives for task in self.may_end(live)]
        done = [f"  {line}" for line in self.lines if line.task is not None][-SHOWN:]
        told = [f"- {line}", *(f"+ {each}" for each in could or [f"nothing: the run is {self.status()}"])]
        return ["after", *done, *told] if done else told

    def status(self) -> str:
        """What became of the run."""
        return self.lives[0].run.instance.status

    def left_over(self) -> list[str]:
        """What the engine does beyond the path."""
        told = [
            f"+ {describe(task)}, which the path does not have" for live in self.lives for task in self.may_end(live)
        ]
        if not told and self.status() != "completed":
            told = [f"+ the run is {self.status()}: {self.lives[0].run.instance.error or 'it waits for ever'}"]
        return told


def kind_of(live: Live, task: Task) -> str:
    """The kind of the task; a join waits, so that what came last need not stand right above it."""
    found = live.definition.tasks.get(task.name.lower())
    return found.kind if found is not None else ""


def describe(task: Task) -> str:
    """A task with its depth and parent."""
    return f"{' ' * INDENT * task.depth}{task.name}" + (f" (after {task.parent.name})" if task.parent else "")


def lines_of(text: str) -> list[Line]:
    """A path, line by line; empty lines mean nothing, and deeper is whatever is indented more."""
    found: list[Line] = []
    open_at: list[tuple[int, Line]] = []
    written = [(number, raw.expandtabs(INDENT)) for number, raw in enumerate(text.splitlines(), 1) if raw.strip()]
    margin = min((len(raw) - len(raw.lstrip()) for _, raw in written), default=0)
    for number, raw in written:
        depth, odd = divmod(len(raw) - len(raw.lstrip()) - margin, INDENT)
        if odd:
            raise ValueError(f"line {number} of the path is indented by {len(raw) - len(raw.lstrip())}, not by twos")
        open_at = [(at, line) for at, line in open_at if at < depth]
        parent = open_at[-1][1] if open_at and open_at[-1][0] == depth - 1 else None
        line = Line(number, depth, raw.strip(), parent)
        open_at.append((depth, line))
        found.append(line)
    return found


def compare(definition_file: Path, path_file: Path) -> list[str]:
    """What the engine does otherwise than the path has it; raises `Refused` for what is not understood."""
    return Replay(read(definition_file), lines_of(path_file.read_text(encoding="utf-8-sig"))).walk()
