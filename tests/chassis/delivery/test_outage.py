"""The NATS server goes away, comes back, and may have forgotten everything: delivery goes on from the ledger."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import StreamSource
from chassis.publishing import NotPublished, Outgoing, Publisher
from chassis.replay import ReplayDesk
from contracts.refusal import Unavailable
from headrace.embedded.binaries import nats_binary
from tests.chassis.delivery.office import SERVICE, Stops, open_office
from tests.chassis.delivery.test_bus import ANNE, FindParcel
from tests.support.eventually import eventually


@dataclass
class Server:
    """A NATS server of this test's own, always on the same port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(nats_binary()), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def forget(self) -> None:
        shutil.rmtree(self.folder)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(tmp_path / "jetstream", probe.getsockname()[1])
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def bus(server: Server) -> AsyncIterator[Bus]:
    """A connection to it, which outlives its outages."""
    bus = await Bus.connect(f"nats://127.0.0.1:{server.port}", "outage", "test")
    yield bus
    await bus.close()


@pytest.mark.parametrize("forgetful", [False, True], ids=["it remembers", "its store was deleted"])
async def test_relay_and_projection_go_on_after_an_outage(server: Server, bus: Bus, post_dsn: str, forgetful: bool):
    async with (
        open_office(post_dsn, bus) as office,
        ReplayDesk(bus, SERVICE, office.store),
        open_office(post_dsn, bus, "customs") as customs,
    ):
        relay = office.relay()
        source = StreamSource(bus, SERVICE, "customs_stops")
        runner = ProjectionRunner(Stops(), source, customs.codec, customs.pool)
        customs.run(runner.run())
        before = await office.record_many(50)
        assert await runner.wait_for(max(before), 10)

        server.kill()
        await eventually(lambda: not bus.connected)
        during = await office.record_many(50)
        if forgetful:
            server.forget()
        server.start()
        await eventually(lambda: bus.connected)
        after = await office.record_many(50)

        assert await relay.wait_for(max(after), 20)
        assert await runner.wait_for(max(after), 20)
        assert await customs.pool.fetchval("SELECT count(*) FROM stops") == len(before + during + after)
        await customs.stop()


async def test_a_message_in_flight_when_the_server_dies_is_of_unknown_fate(server: Server, bus: Bus):
    async def silent(message: object) -> None: ...

    await bus.nc.subscribe(bus.subject("post", ">"), cb=silent)
    async with Publisher(bus, ack_seconds=60) as publisher:
        in_flight = await publisher.send(Outgoing(bus.subject("post", "Moved", "1"), b"", {}))
        server.kill()
        with pytest.raises(NotPublished, match="connection was lost"):
            await asyncio.wait_for(in_flight, 5)

        with pytest.raises(NotPublished, match="away"):
            await (await publisher.send(Outgoing(bus.subject("post", "Moved", "1"), b"", {})))


async def test_asking_while_the_server_is_away_is_refused_and_works_again_later(server: Server, bus: Bus):
    server.kill()
    await eventually(lambda: not bus.connected)
    with pytest.raises(Unavailable):
        await bus.ask(FindParcel(caller=ANNE), timeout=0.2)

    server.start()
    await eventually(lambda: bus.connected)

    with pytest.raises(Unavailable, match="no post service"):
        await bus.ask(FindParcel(caller=ANNE))


async def test_closing_without_a_server_takes_no_time(server: Server, bus: Bus):
    server.kill()
    await eventually(lambda: not bus.connected)

    await asyncio.wait_for(bus.close(), 3)
