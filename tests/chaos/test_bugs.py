"""The checker finds what it is for: five bugs, planted together into one house, each betray themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.bugs import BUGS
from tests.support.stacks import clean_environment

ROOT = Path(__file__).resolve().parents[2]
STORM_SECONDS = 240.0


@pytest.fixture(scope="module")
def violated() -> set[str]:
    """The invariants that a short storm broke in a house with all the bugs."""
    planted = [f"--break={bug}" for bug in BUGS]
    command = [sys.executable, "-m", "tests.chaos", "--seed", "5", *planted]
    run = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False, timeout=STORM_SECONDS
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("FAILED"), run.stdout + run.stderr
    lines = (line.split() for line in run.stdout.splitlines() if line.startswith("violated: "))
    return {name for _, name, _ in lines}


@pytest.mark.timeout(STORM_SECONDS)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(violated: set[str], bug: str) -> None:
    assert violated & BUGS[bug].found_by, violated
