"""`headrace up` as a real process, and what a specification asks of it: who runs, stop it, kill a part of it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from headrace.processes import birth
from tests.support.eventually import POLL_SECONDS, eventually

START_SECONDS = 60.0
STOP_SECONDS = 20.0
OURS = ("HEADRACE_", "OTEL_", "PYTHONPATH")
MEASURING = "COVERAGE_"
"""What makes coverage follow a process that is started: half as much work again for all that it does."""


def clean_environment(*, measured: bool = False, **more: str) -> dict[str, str]:
    """The environment without anything that chooses servers, exporters or packages for us; `measured` by coverage."""
    others = OURS if measured else (*OURS, MEASURING)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | more


def runs(process: psutil.Process) -> bool:
    """Whether it still runs; one that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Up:
    """One `headrace up` and what it said."""

    data_dir: Path
    process: subprocess.Popen[str]
    seen: set[psutil.Process] = field(default_factory=set)

    @classmethod
    def launch(cls, data_dir: Path, *options: str, port: int = 0, measured: bool = False, **environment: str) -> "Up":
        """Start it, from the main thread: it ends with the thread that started it."""
        command = [sys.executable, "-m", "headrace", "up", "--data-dir", str(data_dir), "--port", str(port), *options]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(measured=measured, **environment),
            preexec_fn=birth(signal.SIGTERM),  # noqa: PLW1509 - the tests fork from the main thread
        )
        return cls(data_dir, process)

    @property
    def begun(self) -> bool:
        """Whether there is nothing left to wait for: it is ready, or it has given up."""
        return self.process.poll() is not None or bool(self.state.get("ready"))

    async def ready(self) -> str:
        """Its `ready` line, once it is there."""
        await eventually(lambda: self.begun, START_SECONDS)
        return self.ready_line()

    def ready_line(self) -> str:
        """Its `ready` line, waited for without an event loop."""
        deadline = time.monotonic() + START_SECONDS
        while not self.begun and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        assert self.process.poll() is None, self.process.communicate()[1]
        assert self.begun, f"not ready within {START_SECONDS} s"
        assert self.process.stdout is not None
        self.look()
        return self.process.stdout.readline()

    @property
    def state(self) -> dict[str, Any]:
        """What it publishes of itself, and not what an earlier one left behind."""
        try:
            found: dict[str, Any] = json.loads((self.data_dir / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return found if found["pid"] == self.process.pid else {}

    def pid_of(self, name: str) -> int | None:
        """The process that runs under this name now."""
        pid: int | None = self.state["processes"].get(name)
        return pid

    def look(self) -> set[psutil.Process]:
        """Every process below the supervisor, now and earlier."""
        if self.process.poll() is None:
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return self.seen

    def survivors(self) -> list[psutil.Process]:
        """Those of its processes that still run."""
        return [process for process in self.seen if runs(process)]

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = STOP_SECONDS) -> tuple[int, str]:
        """Ask it to end; its exit status and what it said on stderr."""
        self.look()
        if self.process.poll() is None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=patience)[1]
        return self.process.returncode, said

    def reap(self) -> None:
        """Leave nothing running, whatever happened."""
        self.look()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        for process in self.survivors():
            with suppress(psutil.NoSuchProcess):
                process.kill()
