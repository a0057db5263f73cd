"""The whole product on one machine: servers, migrations, services; started in order, stopped in reverse."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from headrace.backup.migrating import back_up_before_migrating
from headrace.data_dir import BACKUPS, State, write_state
from headrace.embedded.secrets import Secrets, secrets_of
from headrace.errors import Complaint
from headrace.migration import migrate
from headrace.permissions import OPERATOR
from headrace.servers import EmbeddedServers, OutsideServers, Servers
from headrace.services import ACCESS, EXECUTION, GATEWAY, MIGRATIONS, SERVICES
from headrace.supervisor import Program, Supervised

READY_SECONDS = 60.0
READY_POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2
DEATHS_BEFORE_GIVING_UP = 4
"""A service that dies this often before the stack was ready will not come up by itself."""
GATEWAY_STOP_SECONDS = 4.0
SERVICE_STOP_SECONDS = 6.0


@dataclass(frozen=True)
class StackOptions:
    """What a person chooses when starting a stack; `port` is a free one already."""

    data_dir: Path
    port: int
    workers: int = 1
    tools: Path | None = None
    production: bool = False

    @property
    def url(self) -> str:
        """Where the API will answer."""
        return f"http://127.0.0.1:{self.port}"


class Stack:
    """One running stack. `report` hears a sentence whenever a person should know something."""

    def __init__(self, options: StackOptions, report: Callable[[str], None]) -> None:
        """Nothing is started or written yet, except the secrets of a new data directory."""
        self._options = options
        self._report = report
        self._secrets: Secrets = secrets_of(options.data_dir)
        namespace = os.environ.get("HEADRACE_NAMESPACE", "headrace")
        self._servers: Servers = OutsideServers.from_environment() or EmbeddedServers(
            options.data_dir, self._secrets, namespace, report
        )
        self._services: list[Supervised] = []
        self._state = State(
            pid=os.getpid(),
            url=options.url,
            namespace=namespace,
            embedded=isinstance(self._servers, EmbeddedServers),
        )

    async def start(self) -> None:
        """Start everything; returns when the API is ready to take work."""
        self._services = [Supervised(program, self._report) for program in self._programs()]
        for service in self._services:
            service.warm_up()
        await self._servers.start()
        dsns = {service: self._servers.postgres_dsn(service) for service in MIGRATIONS}
        self._state.nats_url, self._state.postgres_dsns = self._servers.nats_url(OPERATOR), dsns
        self._state.nats_urls = {service: self._servers.nats_url(service) for service in SERVICES}
        backups = self._options.data_dir / BACKUPS
        await back_up_before_migrating(dsns, self._servers.administrator_dsn, backups, self._report)
        await migrate(dsns, "up")
        for service in self._services:
            service.start()
        self._publish()
        await self._until_ready()
        self._state.ready = True
        self._publish()
        for service in self._services:
            service.keep_spare()

    async def watch(self) -> None:
        """Keep what other commands see up to date, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._refresh():
                self._publish()

    async def stop(self) -> None:
        """Stop taking requests, let the services finish what they hold, then stop the servers."""
        doors = [service for service in self._services if service.program.name == GATEWAY]
        others = [service for service in self._services if service.program.name != GATEWAY]
        await _stop_all(doors, GATEWAY_STOP_SECONDS)
        await _stop_all(others, SERVICE_STOP_SECONDS)
        await self._servers.stop()

    def _programs(self) -> Iterable[Program]:
        for service in SERVICES:
            copies = self._options.workers if service == EXECUTION else 1
            for number in range(1, copies + 1):
                yield self._program(service, service if copies == 1 else f"{service}-{number}")

    def _program(self, service: str, name: str) -> Program:
        environment = {"HEADRACE_NATS_URL": self._servers.nats_url(service)}
        if self._options.production:
            environment["HEADRACE_PRODUCTION"] = "true"
        if service == GATEWAY:
            environment["HEADRACE_PORT"] = str(self._options.port)
            environment["HEADRACE_JWT_SECRET"] = os.environ.get("HEADRACE_JWT_SECRET", self._secrets.jwt)
        else:
            environment["HEADRACE_POSTGRES_DSN"] = self._servers.postgres_dsn(service)
        if service in (ACCESS, EXECUTION):
            environment["HEADRACE_SEALING_KEY"] = os.environ.get("HEADRACE_SEALING_KEY", self._secrets.sealing_key)
        if service == EXECUTION and self._options.tools is not None:
            environment["HEADRACE_TOOLS"] = str(self._options.tools)
        log = self._options.data_dir / "logs" / f"{name}.log"
        command = (sys.executable, "-m", f"{service}.app")
        waiting = (sys.executable, "-m", "headrace.launch", service)
        # Callers wait for what execution does: a lone worker's death must be over before they lose patience.
        spare = service == EXECUTION and self._options.workers == 1
        return Program(name, command, log, waiting, spare, environment)

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await answers_ready(self._options.port):
            failing = next((one for one in self._services if one.restarts >= DEATHS_BEFORE_GIVING_UP), None)
            if failing is not None:
                raise Complaint(
                    f"{failing.program.name} does not start: {failing.last_words()} (log: {failing.program.log})"
                )
            if time.monotonic() > deadline:
                raise Complaint(
                    f"The services were not ready within {READY_SECONDS:g} s: "
                    f"see their logs in {self._options.data_dir / 'logs'}."
                )
            await asyncio.sleep(READY_POLL_SECONDS)

    def _refresh(self) -> bool:
        running = [*self._servers.processes(), *self._services]
        pids = {one.program.name: one.pid for one in running}
        restarts = {one.program.name: one.restarts for one in running}
        changed = (pids, restarts) != (self._state.processes, self._state.restarts)
        self._state.processes, self._state.restarts = pids, restarts
        return changed

    def _publish(self) -> None:
        self._refresh()
        write_state(self._options.data_dir, self._state)


async def _stop_all(services: Iterable[Supervised], patience_seconds: float) -> None:
    await asyncio.gather(*(service.stop(patience_seconds) for service in services))


async def answers_ready(port: int) -> bool:
    """Whether the gateway on this machine says that it and everything behind it take work."""
    request = b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    return False
