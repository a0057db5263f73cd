"""The gateway as a process: light, and leaving in good order."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from chassis.settings import Settings
from contracts.blueprint import ListBlueprints
from contracts.execution import ExecuteBlueprint, FollowInstance
from tests.gateway.conftest import SECRET, Sign
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, execution, recorded, resolves
from tests.support.eventually import eventually

LIST = "/api/v2/blueprints"
PAGE = b'{"items":[],"next_cursor":null}'
RSS_BYTES_MAX = 100 * 1024 * 1024


async def start(settings: Settings, **changes: str) -> asyncio.subprocess.Process:
    """A gateway process as the stack starts it."""
    environment = {
        "HEADRACE_NATS_URL": settings.nats_url,
        "HEADRACE_NAMESPACE": settings.namespace,
        "HEADRACE_JWT_SECRET": SECRET,
        "HEADRACE_PORT": "0",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.app", env=os.environ | environment | changes, stderr=asyncio.subprocess.PIPE
    )


async def address_of(process: asyncio.subprocess.Process) -> str:
    """Where a process that was just started listens."""
    while line := (await process.stderr.readline()).decode():
        if found := re.search(r'"port": (\d+)', line):
            return f"http://127.0.0.1:{found[1]}"
    raise AssertionError("the gateway did not start")


async def test_sigterm_lets_what_is_in_flight_finish(settings: Settings, house: FakeHouse, sign: Sign):
    await resolves(house)
    process = await start(settings)
    url = await address_of(process)
    heard, over = asyncio.Event(), asyncio.Event()

    async def long(command: ExecuteBlueprint) -> Any:
        heard.set()
        await over.wait()
        return execution(command.instance_id, output="saved")

    await house.when(ExecuteBlueprint, long)
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {sign()}"}) as client:
        caller = asyncio.create_task(client.post(f"{LIST}/{BLUEPRINT_ID}/execute", json={}))
        await heard.wait()
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: refuses_connections(url))
        over.set()

        assert (await caller).json()["output"] == "saved"
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_sigterm_keeps_nobody_waiting_for_a_long_run(settings: Settings, house: FakeHouse, sign: Sign):
    await resolves(house)
    await house.when(FollowInstance, recorded())
    process = await start(settings)
    url = await address_of(process)

    async def endless(command: ExecuteBlueprint) -> Any:
        if command.wait_seconds and len(house.asked_for(ExecuteBlueprint)) < 3:
            await asyncio.Event().wait()
        return execution(command.instance_id, "running")

    await house.when(ExecuteBlueprint, endless)
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {sign()}"}, timeout=20) as client:
        caller = asyncio.create_task(client.post(f"{LIST}/{BLUEPRINT_ID}/execute", json={}))
        follower = asyncio.create_task(client.post(f"{LIST}/{BLUEPRINT_ID}/stream", json={}))
        await eventually(lambda: len(house.asked_for(ExecuteBlueprint)) >= 2)
        process.send_signal(signal.SIGTERM)
        waited, followed = await asyncio.gather(caller, follower)

    assert (waited.status_code, waited.json()["status"]) == (202, "running")
    assert (followed.status_code, followed.content) == (200, b"")
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def refuses_connections(url: str) -> bool:
    """Whether nobody listens there any more."""
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get("/health/live")
    except httpx.ConnectError:
        return True
    return False


async def test_the_process_is_light_and_keeps_nothing(settings: Settings, house: FakeHouse, sign: Sign):
    await house.when(ListBlueprints, PAGE)
    process = await start(settings)
    url = await address_of(process)

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {sign()}"}) as client:
        answers = [await client.get(LIST) for _ in range(50)]
    memory = psutil.Process(process.pid)
    resident, mapped = memory.memory_info().rss, {Path(each.path).parent.name for each in memory.memory_maps()}
    process.terminate()
    await process.wait()

    assert {answer.status_code for answer in answers} == {200}
    assert resident < RSS_BYTES_MAX
    assert "orjson" in mapped
    assert not {"asyncpg", "protocol"} & mapped


@pytest.mark.parametrize(
    "change",
    [
        {"HEADRACE_JWT_SECRET": ""},
        {"HEADRACE_JWT_SECRET": "short", "HEADRACE_PRODUCTION": "true"},
        {"HEADRACE_PORT": "x"},
    ],
)
async def test_a_gateway_that_cannot_start_says_why(settings: Settings, change: dict[str, str]):
    process = await start(settings, **change)

    _, log = await process.communicate()

    assert process.returncode == 1
    assert next(iter(change)) in log.decode()
