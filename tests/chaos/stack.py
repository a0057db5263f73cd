"""The whole product in the storm: its own stack and supervisor, servers behind proxies, services behind a launcher."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from chassis.clock import OFFSET_FILE_VARIABLE
from headrace.embedded.binaries import free_port
from headrace.embedded.secrets import secrets_of
from headrace.services import EXECUTION
from headrace.stack import Stack, StackOptions
from headrace.supervisor import Program, Supervised
from tests.chaos import outside
from tests.chaos.servers import CLUSTER_NODES, ChaosServers
from tests.support.stacks import OURS, runs

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).with_name("tools.py")
WORKERS = 2
SLOTS = 3
"""Few, so that runs really wait on the work stream."""
SLOTS_WITH_BUGS = 2
"""So that most of them do."""
OFFSET = "clock-offset"


class ChaosStack(Stack):
    """`headrace up`, but for the doors and the launcher."""

    def __init__(
        self, folder: Path, report: Callable[[str], None], *, bugs: Sequence[str] = (), cluster: bool = False
    ) -> None:
        """`bugs` are planted into the services, `cluster` gives them three NATS servers."""
        self.folder = folder
        self.bugs = tuple(bugs)
        self.cluster = cluster
        for name in [name for name in os.environ if name.startswith(OURS)]:
            del os.environ[name]
        os.environ[OFFSET_FILE_VARIABLE] = str(folder / OFFSET)
        os.environ[outside.FOLDER_VARIABLE] = str(folder)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ["HEADRACE_SLOTS"] = str(SLOTS_WITH_BUGS if bugs else SLOTS)
        os.environ["HEADRACE_NATS_REPLICAS"] = str(CLUSTER_NODES if cluster else 1)
        super().__init__(StackOptions(folder, free_port(), WORKERS, TOOLS), report)
        self.secrets = secrets_of(folder)
        self.servers = ChaosServers(folder, self.secrets, report, CLUSTER_NODES if cluster else 1)
        self._servers = self.servers

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return self._options.url

    @property
    def services(self) -> dict[str, Supervised]:
        """The service processes by name; there may be several of execution."""
        return {one.program.name: one for one in self._services}

    @property
    def everything(self) -> dict[str, Supervised]:
        """Every process of the stack by name."""
        return self.services | {one.program.name: one for one in self.servers.processes()}

    def process(self, name: str) -> psutil.Process | None:
        """The process that runs under this name now, if one does."""
        pid = self.everything[name].pid
        try:
            process = None if pid is None else psutil.Process(pid)
        except psutil.NoSuchProcess:
            return None
        return process if process is not None and runs(process) else None

    async def start(self) -> None:
        """Open the doors, then start as ever."""
        await self.servers.open()
        await super().start()

    def _program(self, service: str, name: str) -> Program:
        program = super()._program(service, name)
        command = (sys.executable, "-m", "tests.chaos.launch", service, *self.bugs)
        return replace(program, command=command, waiting=None, spare=False)

    @property
    def workers(self) -> list[str]:
        """The execution processes."""
        return [name for name in self.services if name.startswith(EXECUTION)]
