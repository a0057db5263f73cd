"""The checker finds what it is for: five bugs, planted together into one house, each betray themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.bugs import BUGS
from tests.support.stacks import clean_environment

ROOT = Path(__file__).resolve().parents[2]
STORM_SECONDS = 240.0
SEEDS = (5, 7)
"""Whether two workers meet is a matter of moments: what the first storm does not bring out, the second one may."""


def broken_by(bugs: set[str], seed: int) -> set[str]:
    """The invariants that a short storm broke in a house with these bugs."""
    planted = [f"--break={bug}" for bug in BUGS if bug in bugs]
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), *planted]
    run = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False, timeout=STORM_SECONDS
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stdout.rstrip().endswith("FAILED"), run.stdout + run.stderr
    lines = (line.split() for line in run.stdout.splitlines() if line.startswith("violated: "))
    return {name for _, name, _ in lines}


@pytest.fixture(scope="module")
def found() -> set[str]:
    """The bugs that were found."""
    found: set[str] = set()
    for seed in SEEDS:
        if missing := set(BUGS) - found:
            broken = broken_by(missing, seed)
            found |= {bug for bug in missing if broken & BUGS[bug].found_by}
    return found


@pytest.mark.timeout(2 * STORM_SECONDS)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(found: set[str], bug: str) -> None:
    assert bug in found
