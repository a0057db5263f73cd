"""Stacks that are treated badly: each file of specifications has its own, which may be killed in parts or restarted."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from headrace.embedded.binaries import free_port
from tests.support.api import Api, user_of
from tests.support.eventually import eventually
from tests.support.stacks import Up, runs

TOOLS = Path(__file__).with_name("tools.py")
READY_AGAIN_SECONDS = 15.0
STANDS_BY = "headrace.launch"
"""In the command line of a process that waits to take a dead one's place."""
QUIET_SECONDS = 0.25


@dataclass
class House:
    """A data directory and whichever stack runs on it now; the address stays the same."""

    data_dir: Path
    workers: int = 1
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    running: Up | None = None

    @property
    def up(self) -> Up:
        """The stack that runs."""
        assert self.running is not None
        return self.running

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        options = ("--workers", str(self.workers), "--tools", str(TOOLS))
        self.running = Up.launch(self.data_dir, *options, port=self.port, **self.environment)
        self.running.ready_line()

    def stop(self) -> float:
        """End it in order; how many seconds that took."""
        begun = time.monotonic()
        status, said = self.up.stop()
        assert status == 0, said
        return time.monotonic() - begun

    @property
    def dsn(self) -> str:
        """The database as the execution service sees it."""
        return str(self.up.state["postgres_dsns"]["execution"])

    def workers_pids(self) -> dict[str, int]:
        """The execution processes by name."""
        return {name: pid for name, pid in self.up.state["processes"].items() if name.startswith("execution")}

    async def kill(self, name: str) -> None:
        """Kill a process with SIGKILL and wait until another one runs in its place and the house is ready."""
        dead = self.up.pid_of(name)
        self.signal(name, signal.SIGKILL)
        await self.ready_without(name, dead)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process of that name."""
        pid = self.up.pid_of(name)
        [process] = [process for process in self.up.look() if process.pid == pid]
        process.send_signal(number)

    async def ready_without(self, name: str, dead: int | None) -> None:
        """Return when another process runs in place of the dead one, and the house says that it is ready."""
        await eventually(lambda: self.up.pid_of(name) not in (None, dead), READY_AGAIN_SECONDS)
        await self.is_ready()

    async def has_settled(self) -> None:
        """Return when a lone worker's spare has got ready too: it is there, and does nothing any more but wait."""

        async def settled() -> bool:
            waiting = [process for process in self.up.look() if runs(process) and STANDS_BY in process.cmdline()]
            used = [process.cpu_times() for process in waiting]
            await asyncio.sleep(QUIET_SECONDS)
            asleep = all(process.status() == psutil.STATUS_SLEEPING for process in waiting)
            return bool(waiting) and asleep and used == [process.cpu_times() for process in waiting]

        if self.workers == 1:
            await eventually(settled, READY_AGAIN_SECONDS)

    async def is_ready(self) -> None:
        """Return when the gateway says that it and all behind it take work."""
        async with httpx.AsyncClient(base_url=self.up.state["url"], trust_env=False) as http:

            async def ready() -> bool:
                try:
                    return (await http.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready, READY_AGAIN_SECONDS)


@pytest.fixture(scope="module")
def workers() -> int:
    """How many execution processes the file's stack has; a file may say otherwise."""
    return 1


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """What the file's stack is told beside its options; a file may say otherwise."""
    return {}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, workers: int, environment: Mapping[str, str]) -> Iterator[House]:
    """A stack of this file's own."""
    house = House(tmp_path_factory.mktemp("house") / "data", workers, environment=environment)
    try:
        house.start()
        yield house
        house.stop()
    finally:
        if house.running is not None:
            house.running.reap()


@pytest.fixture
async def ada(house: House) -> AsyncIterator[Api]:
    """Somebody new at its door."""
    async with user_of(house.up) as api:
        yield api
