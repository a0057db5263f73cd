"""A process definition: its tasks, what follows them, and on which condition."""

from dataclasses import dataclass, field
from pathlib import Path

START, END = "start", "end"


class Refused(ValueError):
    """The definition says something that is not understood; the message has the file, the line and the name."""


@dataclass(frozen=True)
class Condition:
    """Two terms compared; a term is a field's name or a value."""

    operator: str
    left: tuple[str, str]
    right: tuple[str, str]


@dataclass(frozen=True)
class Successor:
    """What follows a task, perhaps only on a condition."""

    name: str
    condition: Condition | None = None


@dataclass
class Task:
    """One task of the definition, its names in lower case."""

    name: str
    shown: str
    kind: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    successors: list[Successor] = field(default_factory=list)
    before: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    after: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    picks: list[str] = field(default_factory=list)
    passed_in: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    passed_out: list[tuple[str, tuple[str, str]]] = field(default_factory=list)


@dataclass
class Definition:
    """A whole process."""

    file: Path
    name: str
    description: str
    tasks: dict[str, Task]

    def refuse(self, line: int, why: str) -> Refused:
        """A refusal that says where."""
        return Refused(f"{self.file.name}, line {line}: {why}")
