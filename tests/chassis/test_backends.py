"""The servers that tests run on: how they are chosen, and that none outlives its test run."""

import asyncio
import socket as socket_module
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from headrace.processes import alive
from tests.support.backends import Backend, choose, docker_client, docker_trouble
from tests.support.eventually import eventually
from tests.support.infrastructure import database_dsn

VARIABLE = "HEADRACE_NATS_URL"

HOLDS_SERVERS = """
import time
from tests.support.backends import Backend
from tests.support.infrastructure import nats_server, postgres_server
embedded = Backend("embedded", "a test wants it")
with nats_server(embedded), postgres_server(embedded):
    print("started", flush=True)
    time.sleep(60)
"""


class FakeDocker:
    """A daemon that answers, late or not at all."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self._trouble = trouble
        self.closed = False

    def ping(self) -> bool:
        if self._trouble:
            raise self._trouble
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    socket = tmp_path / "docker.sock"
    socket.touch()
    return socket


def no_docker() -> str | None:
    return "there is no Docker"


def test_a_url_in_the_environment_comes_first() -> None:
    backend = choose(VARIABLE, {VARIABLE: "nats://elsewhere:4222"}, lambda: None)

    assert backend == Backend("environment", "HEADRACE_NATS_URL is set", "nats://elsewhere:4222")


def test_docker_comes_next() -> None:
    assert str(choose(VARIABLE, {}, lambda: None)) == "docker (HEADRACE_NATS_URL is not set, and Docker answers)"


def test_the_wheels_come_last_and_say_why() -> None:
    backend = choose(VARIABLE, {VARIABLE: ""}, no_docker)

    assert str(backend) == "embedded (HEADRACE_NATS_URL is not set, and there is no Docker)"


def test_a_daemon_that_answers_is_used(socket: Path) -> None:
    daemon = FakeDocker()

    assert docker_trouble(lambda _: daemon, {}, socket) is None
    assert daemon.closed


def test_a_daemon_that_does_not_answer_is_not(socket: Path) -> None:
    trouble = docker_trouble(lambda _: FakeDocker(TimeoutError("timed out")), {}, socket)

    assert trouble == "Docker does not answer: timed out"


def test_without_a_socket_nobody_is_asked(tmp_path: Path) -> None:
    def connect(_: Mapping[str, str]) -> FakeDocker:
        raise AssertionError("asked")

    assert "no Docker socket" in str(docker_trouble(connect, {}, tmp_path / "docker.sock"))


def test_a_docker_host_needs_no_socket(tmp_path: Path) -> None:
    elsewhere = {"DOCKER_HOST": "tcp://elsewhere:2376"}

    assert docker_trouble(lambda _: FakeDocker(), elsewhere, tmp_path / "docker.sock") is None


def test_a_deaf_daemon_is_given_up_in_less_than_half_a_second(tmp_path: Path) -> None:
    with socket_module.create_server(("127.0.0.1", 0)) as deaf:
        environment = {"DOCKER_HOST": f"tcp://127.0.0.1:{deaf.getsockname()[1]}"}
        decisions = [decide_in_seconds(environment, tmp_path / "docker.sock") for _ in range(3)]

    assert min(decisions) < 0.5


def decide_in_seconds(environment: dict[str, str], socket: Path) -> float:
    started = time.monotonic()
    assert docker_trouble(docker_client, environment, socket)
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("dsn", "other"),
    [
        ("postgresql://u:p@host:5433/postgres?sslmode=disable", "postgresql://u:p@host:5433/mine?sslmode=disable"),
        ("postgresql://postgres@/postgres?host=%2Ftmp%2Fx", "postgresql://postgres@/mine?host=%2Ftmp%2Fx"),
        ("postgresql:///postgres?host=/tmp/x", "postgresql:///mine?host=/tmp/x"),
        ("postgresql://u@host/postgres", "postgresql://u@host/mine"),
    ],
)
def test_another_database_on_the_same_server(dsn: str, other: str) -> None:
    assert database_dsn(dsn, "mine") == other


async def test_servers_die_with_a_run_that_is_killed() -> None:
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDS_SERVERS, stdout=asyncio.subprocess.PIPE)
    assert run.stdout is not None
    assert await run.stdout.readline() == b"started\n"
    servers = children_of(run.pid)
    assert len(servers) == 2

    run.kill()
    await run.wait()

    await eventually(lambda: not any(alive(pid) for pid in servers))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
