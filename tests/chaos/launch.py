"""Runs a service's own app in its process, after planting the bugs that the checker must find; the app knows nothing.

`python -m tests.chaos.launch SERVICE [BUG ...]`
"""

import asyncio
import importlib
import runpy
import signal
import sys
from contextlib import suppress
from types import FrameType

from prometheus_client import Gauge

from chassis.telemetry import REGISTRY
from tests.chaos import bugs

TASKS = "chaos_tasks"
TELL_TASKS = signal.SIGUSR2


def tasks_now() -> float:
    """How many tasks the running loop has; metrics are rendered inside of it."""
    try:
        return float(len(asyncio.all_tasks()))
    except RuntimeError:
        return 0.0


def tell_tasks(_signal: int, _frame: FrameType | None) -> None:
    """Write to the log where every task of the running loop stands."""
    with suppress(RuntimeError):
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stderr)


def main(service: str, planted: list[str]) -> None:
    """Become the service."""
    Gauge(TASKS, "Tasks of the event loop", registry=REGISTRY).set_function(tasks_now)
    signal.signal(TELL_TASKS, tell_tasks)
    module = f"{service}.app"
    importlib.import_module(module)
    for bug in planted:
        bugs.plant(bug, service)
    # What the module needs is imported by now; only the module itself runs again, under its own name.
    del sys.modules[module]
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
