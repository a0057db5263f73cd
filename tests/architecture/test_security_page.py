"""The page on security promises only what a test holds: each one that it names is there."""

import re

import pytest

from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part.rpartition("/")[2])
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert re.search(rf"^ *(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_promise_names_what_proves_it() -> None:
    promised = PAGE[PAGE.index("## Who gets in") :]
    rows = [line for line in promised.splitlines() if line.startswith("| ") and "| proven by |" not in line]

    assert rows
    assert [row for row in rows if "::" not in row.rsplit("|", 2)[1]] == []
