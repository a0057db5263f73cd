"""Losing a race for a stream: the losers of one process line up and try again, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from chassis.ledger import VersionConflict
from execution.steering.pauses import pause_before

TRIES_MAX = 100

T = TypeVar("T")

_lines: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()


def line_for(stream_id: UUID) -> asyncio.Lock:
    """The line of this process for a stream; it is there for as long as somebody stands in it."""
    line = _lines.get(stream_id)
    if line is None:
        line = _lines[stream_id] = asyncio.Lock()
    return line


async def insist(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until no race is lost: once at once, then in line. Raises the last `VersionConflict` after `TRIES_MAX`."""
    try:
        return await attempt()
    except VersionConflict as conflict:
        line = line_for(conflict.stream_id)
    async with line:
        for tries in range(TRIES_MAX):
            with suppress(VersionConflict):
                return await attempt()
            await asyncio.sleep(pause_before(tries))
        return await attempt()
