"""What a fault may lay its hands on, and how it says that it cannot be injected here."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import asyncpg
import httpx
import nats
import orjson
from nats.aio.client import Client
from nats.js import JetStreamContext

from chassis.bus import inbox_prefix
from headrace.permissions import OPERATOR
from headrace.supervisor import Backoff
from tests.chaos.servers import NAMESPACE
from tests.chaos.stack import ChaosStack

INJECTED = "Chaos-Injected"
"""Header of every message that the nemesis published."""
READY_SECONDS = 40.0
POLL_SECONDS = 0.1
CONNECT_SECONDS = 2
PING_SECONDS = 1.0
ASK_TRIES = 5


class CannotInject(Exception):
    """This machine does not allow it, or there is nothing to do it to; the sentence says why."""


async def _expected(_: Exception) -> None:
    """Servers come and go here."""


@dataclass
class World:
    """The stack and the ways past its doors."""

    stack: ChaosStack
    notes: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[tuple[Client, JetStreamContext]]:
        """A connection to NATS that no fault touches."""
        client = await nats.connect(
            self.stack.servers.nats_direct(),
            inbox_prefix=inbox_prefix(self.stack.servers.nats_direct(OPERATOR)[0]),
            connect_timeout=CONNECT_SECONDS,
            allow_reconnect=False,
            error_cb=_expected,
        )
        try:
            yield client, client.jetstream()
        finally:
            await client.close()

    @asynccontextmanager
    async def database(self, schema: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection to Postgres that no fault touches."""
        settings = {"search_path": schema}
        connection = await asyncpg.connect(self.stack.servers.administrator_dsn, server_settings=settings)
        try:
            yield connection
        finally:
            await connection.close()

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to the process of that name, if it runs."""
        process = self.stack.process(name)
        if process is not None:
            process.send_signal(number)
        return process is not None

    async def replaced(self, name: str, pid: int | None) -> None:
        """Return when another process runs under the name, or patience is over."""
        async with asyncio.timeout(READY_SECONDS):
            while self.stack.everything[name].pid in (None, pid):
                await asyncio.sleep(POLL_SECONDS)

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process and return when the supervisor has started it again: at once, for it did not die by itself."""
        self.stack.everything[name]._backoff = Backoff()
        pid = self.stack.everything[name].pid
        if self.send(name, number):
            await self.replaced(name, pid)

    async def is_ready(self) -> bool:
        """Whether the house says that it takes work."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2 * PING_SECONDS) as http:
                return (await http.get(f"{self.stack.url}/health/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def ready(self, patience: float = READY_SECONDS) -> bool:
        """Wait until it does; answers whether it does now."""
        deadline = asyncio.get_running_loop().time() + patience
        while not await self.is_ready():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def leader(self, service: str) -> str | None:
        """The name of the process that publishes the ledger of a service; None when nobody says that it does."""
        for _ in range(ASK_TRIES):
            try:
                return await self._leader(service)
            except (nats.errors.Error, OSError):
                # NATS itself has just been struck.
                await asyncio.sleep(PING_SECONDS)
        return None

    async def _leader(self, service: str) -> str | None:
        pids = {one.pid: name for name, one in self.stack.services.items()}
        async with self.bus() as (client, _):
            inbox = client.new_inbox()
            replies = await client.subscribe(inbox)
            await client.publish(f"{NAMESPACE}.ops.{service}.ping", b"", reply=inbox)
            try:
                while True:
                    reply = await replies.next_msg(timeout=PING_SECONDS)
                    # The server itself answers, with nothing, when nobody listens.
                    state = orjson.loads(reply.data or b"{}")
                    if state.get("relay_leader"):
                        return pids.get(state["pid"])
            except (nats.errors.TimeoutError, TimeoutError):
                return None

    def any_service(self, chance: Random) -> str:
        """One of the service processes."""
        return chance.choice(sorted(self.stack.services))
