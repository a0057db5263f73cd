"""The published table of patterns says what the files say."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.patterns.paths import PATTERNS, names

PAGE = Path(__file__).parents[2] / "docs" / "patterns.md"
ROW = re.compile(r"\| (\d+) \| \[(.+)\]\(\.\./examples/patterns/(.+)\.yaml\) \| (fully|in part) \| (.+) \|")
OUTSIDE = frozenset({"POST /instances/ID/cancel", "signal"})
"""What is no part of the blueprint, or named beside what is."""


@dataclass(frozen=True)
class Row:
    """One pattern as the table has it."""

    number: int
    name: str
    file: str
    constructs: tuple[str, ...]


def rows() -> list[Row]:
    """The table."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [Row(int(number), name, file, tuple(re.findall(r"`(.+?)`", by))) for number, name, file, _, by in found]


def test_the_table_has_every_pattern_and_its_file() -> None:
    assert [(row.number, row.file) for row in rows()] == [(int(name[:2]), name) for name in names()]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.file)
def test_a_row_names_the_pattern_and_constructs_of_its_file(row: Row) -> None:
    text = (PATTERNS / f"{row.file}.yaml").read_text(encoding="utf-8")
    blueprint = yaml.safe_load(text)
    assert blueprint["name"] == f"pattern {row.number:02} {row.name}"
    assert [construct for construct in row.constructs if construct not in text and construct not in OUTSIDE] == []


@pytest.mark.parametrize("name", names())
def test_a_pattern_is_described_in_one_sentence(name: str) -> None:
    described = yaml.safe_load((PATTERNS / f"{name}.yaml").read_text(encoding="utf-8"))["description"]
    assert re.fullmatch(r"[A-Z][^.]+\.", described)
