"""The embedded NATS: every user has a way in, and what an older one stored is still there."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js.api import StreamConfig

from chassis.bus import inbox_prefix
from headrace.embedded.binaries import nats_binary
from headrace.embedded.nats import Nats
from headrace.embedded.secrets import Secrets
from headrace.permissions import USERS
from tests.support.eventually import eventually


@asynccontextmanager
async def running(server: Nats, *command: str) -> AsyncIterator[None]:
    environment = os.environ | server.environment()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 - as the stack does
    try:
        await eventually(server.accepting)
        yield
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def test_every_user_gets_in_and_a_former_store_is_adopted(tmp_path: Path):
    server = Nats(tmp_path, Secrets(), "headrace")
    former = tmp_path / "former.conf"
    former.write_text("jetstream: enabled")
    listening = ("-a", "127.0.0.1", "-p", str(server.port), "-sd", str(server.directory))
    async with running(server, str(nats_binary()), "-c", str(former), *listening):
        connection = await nats.connect(f"nats://127.0.0.1:{server.port}")
        stream = connection.jetstream()
        await stream.add_stream(StreamConfig(name="HEADRACE_BLUEPRINT", subjects=["headrace.blueprint.*.*"]))
        await stream.publish("headrace.blueprint.Happened.1", b"kept")
        await connection.close()

    server.configure()

    async with running(server, *server.command()):
        for user in USERS:
            url = server.url(user)
            connection = await nats.connect(url, inbox_prefix=inbox_prefix(url))
            if user == "blueprint":
                info = await connection.jetstream().stream_info("HEADRACE_BLUEPRINT")
                assert info.state.messages == 1
            await connection.close()
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in ("nats.conf", "users.conf"))
