"""Streams for specifications: opened, read line by line, on runs that are accepted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from contracts.execution import ExecuteBlueprint, FollowInstance
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, execution, recorded

PATH = f"/api/v2/blueprints/{BLUEPRINT_ID}/stream"
Lines = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def streamed(client: httpx.AsyncClient, **options: Any) -> AsyncIterator[tuple[httpx.Response, Lines]]:
    """A stream, and how to get its next line."""
    async with client.stream("POST", PATH, json={}, **options) as response:
        lines = response.aiter_lines()

        async def line() -> dict[str, Any]:
            return orjson.loads(await anext(lines))

        yield response, line


async def rest_of(line: Lines) -> list[dict[str, Any]]:
    """All lines that are left."""
    lines = []
    try:
        while True:
            lines.append(await line())
    except StopAsyncIteration:
        return lines


async def accepts(house: FakeHouse) -> None:
    """Let the run be accepted, and nothing be in the ledger."""
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, "pending"))
    await house.when(FollowInstance, recorded())
