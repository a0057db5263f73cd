"""The process around a service: it says when it is ready, why it cannot start, and ends in order when asked."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from urllib.request import urlopen

import asyncpg
import pytest

from chassis.bus import Bus, settle
from chassis.migrations import migrate_up
from contracts.refusal import Unavailable
from tests.chassis.delivery.office import MIGRATIONS, SERVICE, TABLES
from tests.chassis.delivery.post import ANNE, ListPlaces, MoveParcel
from tests.support.eventually import eventually

Start = Callable[..., Coroutine[None, None, Process]]


@pytest.fixture
async def start(postgres_dsn: str, nats_url: str, namespace: str) -> AsyncIterator[Start]:
    """Starts a process with the environment of this test; what still runs at its end is killed."""
    processes: list[Process] = []
    environment = {
        "HEADRACE_POSTGRES_DSN": postgres_dsn,
        "HEADRACE_NATS_URL": nats_url,
        "HEADRACE_NAMESPACE": namespace,
    }

    async def begin(**more: str) -> Process:
        command = [sys.executable, "-m", "tests.chassis.delivery.post"]
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment, **more}, stderr=PIPE)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def schema(postgres_dsn: str) -> None:
    """The tables of the post."""
    connection = await asyncpg.connect(postgres_dsn)
    await migrate_up(connection, MIGRATIONS, SERVICE)
    await connection.execute(f"SET search_path TO {SERVICE}")
    await connection.execute(TABLES)
    await connection.close()


async def ready(bus: Bus) -> bool:
    """Whether the process answers."""
    try:
        return bool(await bus.ask(ListPlaces(caller=ANNE)))
    except Unavailable:
        return False


@pytest.mark.usefixtures("schema")
async def test_it_finishes_what_is_under_way_when_it_is_told_to_end(start: Start, bus: Bus):
    process = await start()
    await eventually(lambda: ready(bus), 20)
    under_way = [asyncio.create_task(bus.ask(ListPlaces(caller=ANNE, wait_seconds=1))) for _ in range(10)]
    moves = [asyncio.create_task(bus.ask(MoveParcel(caller=ANNE, place="Lisbon"))) for _ in range(10)]
    await settle(bus.nc)

    process.send_signal(signal.SIGTERM)

    assert len(await asyncio.gather(*under_way, *moves)) == 20
    assert await asyncio.wait_for(process.wait(), 8) == 0
    assert (await bus.js.stream_info(bus.stream(SERVICE))).state.messages == 10


@pytest.mark.usefixtures("schema")
async def test_it_serves_its_metrics_where_it_is_told_to(start: Start, bus: Bus):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await start(HEADRACE_METRICS_PORT=str(port))
    await eventually(lambda: ready(bus), 20)

    page = await asyncio.to_thread(lambda: urlopen(f"http://127.0.0.1:{port}/metrics").read())

    assert b"headrace_requests_total" in page


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "headrace migrate"),
        ({"HEADRACE_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none"}, "Postgres"),
        ({"HEADRACE_NAMESPACE": "No Such"}, "HEADRACE_NAMESPACE"),
    ],
    ids=["no schema", "no database", "a bad setting"],
)
async def test_it_says_in_a_sentence_why_it_cannot_start(start: Start, environment: dict[str, str], reason: str):
    process = await start(**environment)

    _, errors = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 1
    last = json.loads(errors.decode().splitlines()[-1])
    assert last["event"] == "service.cannot_start"
    assert reason in last["reason"]
