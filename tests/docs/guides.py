"""The guides as a reader uses them: files to write, commands to type, lines to see."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w-]+\.(?:yaml|py|toml))\n")
JSON_NAME = re.compile(r'"name": "(\w+)"')
INDEX = "README.md"


@dataclass(frozen=True)
class Step:
    """Commands, and the lines that they print; one that ends in … goes on otherwise each time."""

    commands: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Guide:
    """One page."""

    path: Path

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and text of each block."""
        return BLOCK.findall(self.path.read_text())

    def files(self) -> dict[str, str]:
        """What the page has its reader write: the first line names the file, in JSON its `name` does."""
        found = {match[1]: text for _, text in self.blocks if (match := NAMED.match(text))}
        for language, text in self.blocks:
            if language == "json" and (match := JSON_NAME.search(text)):
                found[f"{match[1]}.json"] = text
        return found

    def steps(self) -> Iterator[Step]:
        """Each block of commands with the block of text that follows it."""
        blocks = self.blocks
        for (language, text), (after, lines) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
            if language == "bash":
                yield Step(text, tuple(lines.strip().splitlines()) if after == "text" else ())

    def blueprints(self) -> dict[str, Any]:
        """The files that hold blueprints."""
        read = {name: yaml.safe_load(text) for name, text in self.files().items() if name.endswith((".yaml", ".json"))}
        return {name: body for name, body in read.items() if "nodes" in body}


def guides() -> list[Guide]:
    """All pages but the index."""
    return [Guide(path) for path in sorted(GUIDES.glob("*.md")) if path.name != INDEX]


def prelude() -> str:
    """What the index has its reader type first."""
    return "\n".join(step.commands for step in Guide(GUIDES / INDEX).steps())


def modules() -> dict[str, str]:
    """The Python files of packages that the guides have their reader write."""
    found = (item for guide in guides() for item in guide.files().items())
    return {name.removesuffix(".py"): text for name, text in found if name.endswith(".py") and name != "tools.py"}


def entry_points() -> dict[str, dict[str, str]]:
    """The entry points of those packages, all together."""
    groups: dict[str, dict[str, str]] = {}
    for guide in guides():
        text = guide.files().get("pyproject.toml", "")
        for group, entries in tomllib.loads(text).get("project", {}).get("entry-points", {}).items():
            groups.setdefault(group, {}).update(entries)
    return groups


def file_of_a_guide(name: str) -> str:
    """A file that one of the guides shows."""
    return next(guide.files()[name] for guide in guides() if name in guide.files())
