"""The page of guarantees promises only what a test holds: each one that it names is there."""

import re

import pytest

from tests.architecture.sources import ROOT
from tests.chaos.checker import INVARIANTS

PAGE = (ROOT / "docs/guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part.rpartition("/")[2])
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert re.search(rf"^ *(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_row_names_what_proves_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "| proven by |" not in line]

    assert rows
    assert [row for row in rows if "::" not in row.rsplit("|", 2)[1]] == []


def test_every_invariant_of_the_storms_is_promised() -> None:
    named = {name for _, name in NAMED}

    assert [invariant.__name__ for invariant in INVARIANTS if invariant.__name__ not in named] == []
