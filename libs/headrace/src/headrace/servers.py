"""The two servers that everything stands on: ours from wheels, or somebody else's by URL."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.embedded.nats import Nats
from headrace.embedded.postgres import Postgres
from headrace.embedded.secrets import Secrets
from headrace.errors import Complaint
from headrace.supervisor import Program, Supervised

START_SECONDS = 30.0
POLL_SECONDS = 0.02
NATS_STOP_SECONDS = 1.5
POSTGRES_STOP_SECONDS = 3.0


class Servers(Protocol):
    """A NATS with JetStream and a Postgres, wherever they run."""

    def nats_url(self, user: str) -> str:
        """Where this user of the bus connects, with what it needs to be let in."""

    async def start(self) -> None:
        """Return when both take connections."""

    async def stop(self) -> None:
        """Stop what was started, and nothing else."""

    def postgres_dsn(self, service: str) -> str:
        """The database as this service may see it."""

    @property
    def administrator_dsn(self) -> str | None:
        """The database as a role sees it that may read every schema, where there is one."""

    def processes(self) -> Sequence[Supervised]:
        """The server processes that are ours."""


@dataclass(frozen=True)
class OutsideServers:
    """Servers that somebody else runs; every service connects with the same URL."""

    url: str
    dsn: str

    @classmethod
    def from_environment(cls) -> "OutsideServers | None":
        """From `HEADRACE_NATS_URL` and `HEADRACE_POSTGRES_DSN`: both, or neither (None)."""
        nats_url, dsn = os.environ.get("HEADRACE_NATS_URL"), os.environ.get("HEADRACE_POSTGRES_DSN")
        if bool(nats_url) != bool(dsn):
            raise Complaint(
                "Only one of HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN is set: "
                "set both to use your own servers, or neither for the embedded ones."
            )
        return cls(nats_url, dsn) if nats_url and dsn else None

    def nats_url(self, user: str) -> str:
        """The same for all: who wants walls on the bus starts each service with its own."""
        return self.url

    async def start(self) -> None:
        """They run already."""

    async def stop(self) -> None:
        """They are not ours to stop."""

    def postgres_dsn(self, service: str) -> str:
        """The same for all; `service` keeps to its own schema in it."""
        return self.dsn

    @property
    def administrator_dsn(self) -> str | None:
        """Nobody but those who are named."""
        return None

    def processes(self) -> Sequence[Supervised]:
        """None of ours."""
        return ()


class EmbeddedServers:
    """PostgreSQL and nats-server under one data directory."""

    def __init__(self, data_dir: Path, secrets: Secrets, namespace: str, report: Callable[[str], None]) -> None:
        """Nothing runs before `start`."""
        self._postgres = Postgres.under(data_dir, secrets)
        self._nats = Nats(data_dir, secrets, namespace)
        logs = data_dir / "logs"
        self._nats_process = Supervised(
            Program("nats", tuple(self._nats.command()), logs / "nats.log", environment=self._nats.environment()),
            report,
        )
        self._postgres_process = Supervised(
            Program(
                "postgres",
                tuple(self._postgres.command()),
                logs / "postgres.log",
                directory=self._postgres.directory,
                identity=self._postgres.identity,
                stop_signal=signal.SIGINT,
                orphan_signal=signal.SIGQUIT,
            ),
            report,
        )

    def nats_url(self, user: str) -> str:
        """The embedded NATS, with the user's password."""
        return self._nats.url(user)

    async def start(self) -> None:
        """Create what is missing, start both, provision the database."""
        self._nats.configure()
        self._nats_process.start()
        await self.start_postgres()
        await self._until("nats", self._nats.accepting, self._nats_process)

    async def start_postgres(self) -> None:
        """Create its files if there are none, start it, make the database with its roles and schemas."""
        self._postgres.create()
        await self._postgres.clear_orphan()
        self._postgres_process.start()
        await self._until("postgres", self._postgres_accepting, self._postgres_process)
        await self._postgres.provision()

    async def stop(self) -> None:
        """NATS first: nobody publishes any more. Then a fast shutdown of PostgreSQL."""
        await self._nats_process.stop(NATS_STOP_SECONDS)
        await self._postgres_process.stop(POSTGRES_STOP_SECONDS)

    def postgres_dsn(self, service: str) -> str:
        """The service's own role, on the unix socket or on loopback."""
        return self._postgres.service_dsn(service)

    @property
    def administrator_dsn(self) -> str:
        """The role that sees every schema."""
        return self._postgres.superuser_dsn()

    def processes(self) -> Sequence[Supervised]:
        """The two server processes."""
        return (self._postgres_process, self._nats_process)

    async def _postgres_accepting(self) -> bool:
        return self._postgres.accepting()

    async def _until(self, name: str, accepting: Callable[[], Awaitable[bool]], process: Supervised) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while not await accepting():
            if process.restarts > 0 or loop.time() > deadline:
                raise Complaint(f"{name} does not start: {process.last_words()} (log: {process.program.log})")
            await asyncio.sleep(POLL_SECONDS)
