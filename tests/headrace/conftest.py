"""Stacks for tests: `headrace up` as a real process, on stand-ins for the services where only processes matter."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.sealing import new_key
from headrace import cli, services
from headrace.doctor import instances, processes
from headrace.doctor.target import Target
from headrace.services import SERVICES
from tests.headrace.patients import Patient
from tests.support.lent_databases import LentDatabases, Tables
from tests.support.stacks import Up

Start = Callable[..., Up]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def start_up() -> Iterator[Start]:
    """Starts `headrace up` on a data directory; whatever a test leaves running is killed."""
    started: list[Up] = []

    def start(data_dir: Path, *options: str, port: int = 0, **environment: str) -> Up:
        started.append(Up.launch(data_dir, *options, port=port, measured=True, **environment))
        return started[-1]

    yield start
    for up in started:
        up.reap()


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


@pytest.fixture
def headrace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs a command in an empty folder; its exit status, what it printed, and what it complained of."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headrace", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A real stack, for every file of runs; the one whose processes are measured by coverage."""
    up = Up.launch(tmp_path_factory.mktemp("stack") / "data", measured=True)
    try:
        up.ready_line()
        yield up
        status, said = up.stop()
        assert status == 0, said
    finally:
        up.reap()


@pytest.fixture
def on_stack(headrace, stack):
    """Runs a command against the real stack."""
    return lambda command, *arguments: headrace(command, *arguments, "--data-dir", str(stack.data_dir))


@pytest.fixture
def file(tmp_path):
    """Writes a blueprint file."""

    def write(text: str) -> str:
        path = tmp_path / "blueprint.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
async def patient(
    databases: LentDatabases, nats_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Patient]:
    monkeypatch.setattr(processes, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(instances, "SECOND_LOOK_SECONDS", 0.05)
    bus = await Bus.connect(nats_url, namespace, "test")
    for service in services.LEDGERS:
        await bus.ensure_stream(service)
    await bus.ensure_work_stream()
    tables = [Tables(name, packages) for name, packages in services.MIGRATIONS.items()]
    async with databases.lend(*tables) as dsn:
        environment = {"HEADRACE_JWT_SECRET": "7f" * 32, "HEADRACE_SEALING_KEY": new_key()}
        dsns = dict.fromkeys(services.MIGRATIONS, dsn)
        yield Patient(Target(nats_url, namespace, dsns, environment=environment), bus)
    try:
        while True:
            await bus.js.delete_stream(await bus.js.find_stream_name_by_subject(f"{namespace}.>"))
    except NotFoundError:
        await bus.close()
