"""`headrace demo`: everything there is to see in one go, and nothing left of it."""

import subprocess
import sys
from pathlib import Path

import psutil

from headrace.demo import TOUR
from tests.support.stacks import clean_environment


def test_the_demo_shows_a_tour_of_the_examples_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "headrace", "demo"]
    environment = clean_environment(TMPDIR=str(tmp_path))

    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert run.returncode == 0, run.stderr
    assert [name for name in TOUR if not Path(f"examples/{name}.yaml").exists()] == []
    assert run.stdout.count("  completed in ") == len(TOUR) - 1
    assert run.stdout.count("  failed in ") == 1
    assert "→ approved budget" in run.stdout
    assert "→ sent signal `paid`" in run.stdout
    assert "↶ cancel_hotel" in run.stdout
    assert '"greeting": "Hello, Ada!"' in run.stdout
    assert "↻ shaky_west" in run.stdout
    assert "Try next" in run.stdout
    assert list(tmp_path.iterdir()) == []
    assert [found for found in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(found.info["cmdline"])] == []
