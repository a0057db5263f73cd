"""Stacks for tests: `headrace up` as a real process, on stand-ins for the services where only processes matter."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from headrace.processes import birth
from headrace.services import SERVICES
from tests.support.eventually import eventually

START_SECONDS = 40.0
OURS = ("HEADRACE_", "PYTHONPATH")


@dataclass
class Up:
    """One `headrace up` and what it said."""

    data_dir: Path
    process: subprocess.Popen[str]
    seen: set[psutil.Process] = field(default_factory=set)

    async def ready(self) -> str:
        """Its `ready` line, once it is there."""
        await eventually(lambda: self.process.poll() is not None or self.state.get("ready"), START_SECONDS)
        assert self.process.poll() is None, self.process.communicate()[1]
        self.look()
        return self.process.stdout.readline()

    @property
    def state(self) -> dict:
        """What it publishes of itself."""
        try:
            return json.loads((self.data_dir / "state.json").read_text())
        except FileNotFoundError:
            return {}

    def pid_of(self, name: str) -> int | None:
        """The process that runs under this name now."""
        return self.state["processes"].get(name)

    def look(self) -> set[psutil.Process]:
        """Every process below the supervisor, now and earlier."""
        if self.process.poll() is None:
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return self.seen

    def survivors(self) -> list[psutil.Process]:
        """Those of its processes that still run."""
        return [process for process in self.seen if runs(process)]

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 20.0) -> tuple[int, str]:
        """Ask it to end; its exit status and what it said on stderr."""
        self.look()
        if self.process.poll() is None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=patience)[1]
        return self.process.returncode, said


Start = Callable[..., Up]


def runs(process: psutil.Process) -> bool:
    """Whether it still runs; one that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything that chooses servers or packages for us."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | more


@pytest.fixture
def start_up() -> Iterator[Start]:
    """Starts `headrace up` on a data directory; whatever a test leaves running is killed."""
    started: list[Up] = []

    def start(data_dir: Path, *options: str, port: int = 0, **environment: str) -> Up:
        command = [sys.executable, "-m", "headrace", "up", "--data-dir", str(data_dir), "--port", str(port), *options]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(**environment),
            preexec_fn=birth(signal.SIGTERM),  # noqa: PLW1509 - the tests fork from the main thread
        )
        started.append(Up(data_dir, process))
        return started[-1]

    yield start
    for up in started:
        up.look()
        if up.process.poll() is None:
            up.process.kill()
        up.process.communicate()
        for process in up.survivors():
            with suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH on which every service is a stand-in, and has no tables."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for service in SERVICES:
        migrations = folder / service / "migrations"
        migrations.mkdir(parents=True)
        for package in (migrations, migrations.parent):
            (package / "__init__.py").touch()
        shutil.copy(Path(__file__).with_name("stand_in.py"), folder / service / "app.py")
    return str(folder)
