"""What the head of an example file promises: the commands to run it with, and the line that each of them prints."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = re.compile(
    r"^#   headrace run examples/(?P<name>[\w-]+)\.yaml ?(?P<options>.*)\n#   (?P<prints>\w.*)$", re.MULTILINE
)


@dataclass(frozen=True)
class Shown:
    """One command, as it stands in the file."""

    file: Path
    options: tuple[str, ...]
    prints: str
    """The line that tells how the run ended."""

    def __str__(self) -> str:
        """For the name of a test."""
        return " ".join((self.file.stem, *self.options))


def examples() -> list[Path]:
    """The examples that stand alone, by name."""
    return sorted(EXAMPLES.glob("*.yaml"))


def shown(file: Path) -> Iterator[Shown]:
    """The commands in the head of a file."""
    for found in COMMAND.finditer(file.read_text()):
        yield Shown(file, tuple(shlex.split(found["options"])), found["prints"].strip())
