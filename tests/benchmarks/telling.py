"""Programs of the benchmark in processes of their own: a JSON line in, a JSON line out, whole however long it is."""

import json
import os
import subprocess
import sys
from typing import Any

STDOUT = 1
PATIENCE_SECONDS = 60.0


def asked(module: str, question: Any, seconds: float) -> Any:
    """What the program answers, which should take so many seconds; how it failed is said."""
    finished = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(question) + "\n",
        capture_output=True,
        text=True,
        timeout=seconds + PATIENCE_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def tell(said: Any) -> None:
    """Write the line to its end: an unbuffered `print` gives up what a pipe does not take in one piece."""
    left = memoryview(json.dumps(said).encode() + b"\n")
    while left:
        left = left[os.write(STDOUT, left) :]
