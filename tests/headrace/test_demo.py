"""`headrace demo`: everything there is to see in one go, and nothing left of it."""

import subprocess
import sys
from pathlib import Path

import psutil

from headrace.demo import INPUTS
from tests.support.stacks import clean_environment


def test_the_demo_runs_every_example_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "headrace", "demo"]
    environment = clean_environment(TMPDIR=str(tmp_path))

    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert run.returncode == 0, run.stderr
    assert sorted(INPUTS) == sorted(path.stem for path in Path("examples").glob("*.yaml"))
    assert run.stdout.count("  completed in ") == len(INPUTS)
    assert '"greeting": "Hello, Ada!"' in run.stdout
    assert "↻ shaky_west" in run.stdout
    assert "Try next" in run.stdout
    assert list(tmp_path.iterdir()) == []
    assert [found for found in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(found.info["cmdline"])] == []
