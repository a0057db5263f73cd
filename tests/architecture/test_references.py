"""The committed references say what the code says, whatever order Python hashes in."""

import hashlib
import os
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT
from tests.support.references import FOLDER, PAGES

DIGESTS = """
from hashlib import sha256
from tests.support.references import PAGES
for name, page in PAGES.items():
    print(name, sha256(page().encode()).hexdigest())
"""


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_is_current(name: str):
    path = FOLDER / name
    assert path.exists(), f"docs/reference/{name} is missing: run `./task docs` and commit it"
    assert path.read_text() == PAGES[name](), f"docs/reference/{name} is stale: run `./task docs` and commit it"


def test_nothing_else_lies_among_the_references():
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()} == set(PAGES)


def test_references_come_out_the_same_in_every_process():
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    printed = subprocess.run(
        [sys.executable, "-c", DIGESTS], check=True, capture_output=True, text=True, env=environment, cwd=ROOT
    ).stdout
    here = {name: hashlib.sha256(page().encode()).hexdigest() for name, page in PAGES.items()}
    assert dict(line.split() for line in printed.splitlines()) == here
