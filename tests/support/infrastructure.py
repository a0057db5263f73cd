"""Starts NATS and Postgres for a test session, in the way that was chosen, and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from headrace.embedded.binaries import nats_binary, postgres_binary
from headrace.processes import Identity, alive, birth, unprivileged
from tests.support.backends import Backend

NATS_IMAGE = "nats:2.14"
POSTGRES_IMAGE = "postgres:18"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
FOLDER_PREFIX = "headrace-test-"

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "jit": "off",
    # Statistics that come and go would choose other plans for the same test.
    "autovacuum": "off",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Tests outlive no power failure; commits are several times faster. Benchmarks keep the disk honest."""


@contextmanager
def nats_server(backend: Backend) -> Iterator[str]:
    """A NATS server with JetStream; yields its URL."""
    if backend.url:
        yield backend.url
    elif backend.way == "docker":
        from testcontainers.community.nats import NatsContainer  # noqa: PLC0415 - only where Docker is

        with NatsContainer(NATS_IMAGE, jetstream=True) as container:
            yield str(container.nats_uri())
    else:
        # Every namespace reserves what a deployment would; hundreds do so on one server here, and fill nothing.
        with configured_nats("jetstream { store_dir: store, max_file_store: 100TB }") as url:
            yield url


@contextmanager
def configured_nats(configuration: str, **variables: str) -> Iterator[str]:
    """A nats-server of its own with this configuration, whose variables are given; yields its URL."""
    with _folder() as folder:
        config = folder / "nats.conf"
        config.write_text(configuration)
        command = [str(nats_binary()), "-c", str(config), "-a", "127.0.0.1", "-p", "-1"]
        command += ["--ports_file_dir", str(folder)]
        # SIGKILL: after a suite's hundreds of streams an orderly end takes longer than anybody waits, for data that
        # nobody wants.
        with _running(command, folder, signal.SIGKILL, environment=variables) as wait_for:
            # The server picks a free port itself and says which.
            ports = wait_for(lambda: next((file for file in folder.glob("*.ports") if file.stat().st_size), None))
            yield str(json.loads(ports.read_text())["nats"][0])


@contextmanager
def postgres_server(backend: Backend, *, durable: bool = False) -> Iterator[str]:
    """A Postgres server; yields the DSN of a role that may create databases. `durable` keeps fsync on."""
    if backend.url:
        yield backend.url
    elif backend.way == "docker":
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only where Docker is

        container = PostgresContainer(POSTGRES_IMAGE, driver=None)
        with container.with_command(["postgres", *_options({} if durable else FORGETFUL)]):
            yield str(container.get_connection_url())
    else:
        identity = unprivileged([postgres_binary("postgres")])
        with _folder(identity) as folder:
            data = folder / "data"
            initdb = [str(postgres_binary("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            subprocess.run(
                [*initdb, "--no-locale", "--no-instructions", "--no-sync"],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=folder,
                preexec_fn=birth(signal.SIGKILL, identity),
            )
            settings = POSTGRES_SETTINGS | ({} if durable else FORGETFUL) | {"unix_socket_directories": str(folder)}
            command = [str(postgres_binary("postgres")), "-D", str(data), *_options(settings)]
            # SIGQUIT: at once and without a checkpoint, for nobody wants the data.
            with _running(command, folder, signal.SIGQUIT, identity) as wait_for:
                wait_for(lambda: _says_ready(data / "postmaster.pid"))
                yield f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"


def database_dsn(dsn: str, database: str) -> str:
    """The same server, another database."""
    parts = urlsplit(dsn)
    # Not urlunsplit: it drops the // of a DSN that names its host in the query.
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _says_ready(pid_file: Path) -> bool:
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return len(lines) > 7 and lines[7].strip() == "ready"


@contextmanager
def _folder(identity: Identity | None = None) -> Iterator[Path]:
    # Short, because the path of a unix socket is; the process id in the name lets a later run sweep up after a kill.
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
    if identity is not None:
        os.chown(folder, identity.uid, identity.gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(FOLDER_PREFIX).split("-")[0]
        if owner.isdigit() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: Sequence[str],
    folder: Path,
    stop: signal.Signals,
    identity: Identity | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            preexec_fn=birth(stop, identity),  # noqa: PLW1509 - the fixture runs before any thread starts
        )

    def wait_for(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + START_SECONDS
        while not (answer := condition()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()}")
            time.sleep(POLL_SECONDS)
        return answer

    try:
        yield wait_for
    finally:
        process.send_signal(stop)
        process.wait(STOP_SECONDS)
