"""A gateway in front of a house of stand-ins, on a real NATS: in process for most tests, behind a socket for some."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import jwt
import pytest

from chassis.bus import Bus
from chassis.settings import Settings
from gateway.app import Server, application
from gateway.door import Door, DoorPolicy
from tests.gateway.access import FakeAccess
from tests.gateway.fakes import FakeHouse
from tests.support.eventually import eventually

SECRET = "a secret that is long enough for HS256"
Sign = Callable[..., str]


@pytest.fixture
def sign() -> Sign:
    """Makes a token; claims can be changed or, with None, left out."""

    def make(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
        claims = {"sub": "ada", "teams": ["engines"], "exp": int(time.time()) + 60, **claims}
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm)

    return make


@pytest.fixture
def settings(nats_url: str, namespace: str) -> Settings:
    return Settings.load(nats_url=nats_url, namespace=namespace, jwt_secret=SECRET, port=0)


@pytest.fixture
async def access(settings: Settings) -> AsyncIterator[FakeAccess]:
    """An access service that knows nobody yet, and lets everybody in whose token holds."""
    bus = await Bus.connect(settings.nats_url, settings.namespace, "access")
    stand_in = FakeAccess(bus)
    await stand_in.open()
    yield stand_in
    await bus.close()


@pytest.fixture
async def house(settings: Settings, access: FakeAccess) -> AsyncIterator[FakeHouse]:
    """Services that answer what the test tells them."""
    bus = await Bus.connect(settings.nats_url, settings.namespace, "fakes")
    yield FakeHouse(bus)
    await bus.close()


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    """The gateway's own connection."""
    bus = await Bus.connect(settings.nats_url, settings.namespace, "gateway")
    yield bus
    await bus.close()


@pytest.fixture
async def door(settings: Settings, bus: Bus, access: FakeAccess) -> AsyncIterator[Door]:
    """Who comes in, as the settings say."""
    async with Door(DoorPolicy.from_settings(settings), bus) as door:
        yield door


@pytest.fixture
async def nobody(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token, in the gateway's process."""
    transport = httpx.ASGITransport(application(door, asyncio.Event()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
        yield client


@pytest.fixture
async def ada(nobody: httpx.AsyncClient, sign: Sign) -> httpx.AsyncClient:
    """A client with Ada's token."""
    nobody.headers["Authorization"] = f"Bearer {sign()}"
    return nobody


@pytest.fixture
async def served(door: Door, sign: Sign) -> AsyncIterator[httpx.AsyncClient]:
    """A client with Ada's token, on the other side of a real socket."""
    serving = Server(door)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(serving.serve([listener]))
        await eventually(lambda: serving.started)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        headers = {"Authorization": f"Bearer {sign()}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client
        serving.should_exit = True
        await task
