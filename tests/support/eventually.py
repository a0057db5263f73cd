"""Waiting for a fact instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.01


async def eventually(condition: Callable[[], T | Awaitable[T]], timeout: float = TIMEOUT_SECONDS) -> T:
    """Ask until the answer is truthy, and return it. An AssertionError inside the condition means "not yet".

    After `timeout` seconds the last answer, or the last AssertionError, is what the test fails with.
    """
    deadline = time.monotonic() + timeout
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            asked = condition()
            answer = await asked if inspect.isawaitable(asked) else asked
        except AssertionError as error:
            failure = error
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"not within {timeout} s; the last answer was {answer!r}")
        await asyncio.sleep(POLL_SECONDS)
