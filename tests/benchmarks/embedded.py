"""The product's own PostgreSQL alone, in a data directory on which no stack runs."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from headrace.embedded.postgres import Postgres
from headrace.embedded.secrets import secrets_of
from headrace.processes import birth

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02


@contextmanager
def postgres_alone(folder: Path) -> Iterator[str]:
    """The server that `headrace up` would start there, made if it is new; yields the superuser's DSN."""
    postgres = Postgres.under(folder, secrets_of(folder))
    postgres.create()
    with (folder / "postgres.log").open("ab") as log:
        process = subprocess.Popen(
            postgres.command(),
            cwd=postgres.directory,
            stdout=log,
            stderr=log,
            preexec_fn=birth(signal.SIGQUIT, postgres.identity),  # noqa: PLW1509 - no thread runs here
        )
    try:
        deadline = monotonic() + PATIENCE_SECONDS
        while not postgres.accepting():
            given_up = process.poll() is not None or monotonic() > deadline
            assert not given_up, (folder / "postgres.log").read_text()
            sleep(POLL_SECONDS)
        asyncio.run(postgres.provision())
        yield postgres.superuser_dsn()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
