"""Stacks for tests: `headrace up` as a real process, on stand-ins for the services where only processes matter."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.services import SERVICES
from tests.support.stacks import Up

Start = Callable[..., Up]


@pytest.fixture
def start_up() -> Iterator[Start]:
    """Starts `headrace up` on a data directory; whatever a test leaves running is killed."""
    started: list[Up] = []

    def start(data_dir: Path, *options: str, port: int = 0, **environment: str) -> Up:
        started.append(Up.launch(data_dir, *options, port=port, **environment))
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
