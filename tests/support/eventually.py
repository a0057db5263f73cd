"""Waiting for a fact instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.01
ATTEMPTS = 3


@overload
async def eventually(condition: Callable[[], Awaitable[T]], timeout: float = TIMEOUT_SECONDS) -> T: ...
@overload
async def eventually(condition: Callable[[], T], timeout: float = TIMEOUT_SECONDS) -> T: ...
async def eventually(condition: Callable[[], Any], timeout: float = TIMEOUT_SECONDS) -> Any:
    """Ask until the answer is truthy, and return it. An AssertionError inside the condition means "not yet".

    After `timeout` seconds the last answer, or the last AssertionError, is what the test fails with.
    """
    deadline = time.monotonic() + timeout
    while True:
        failure: AssertionError | None = None
        answer: Any = None
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


async def in_time(seconds: float, attempt: Callable[[], Awaitable[float]]) -> None:
    """Hold a promise of speed: `attempt` answers how long it took, and must do its work every time it is tried.

    A stopwatch on a busy machine lies upwards, so one of some attempts has to keep the promise.
    """
    took: list[float] = []
    while len(took) < ATTEMPTS and min(took, default=seconds) >= seconds:
        took.append(await attempt())
    assert min(took) < seconds, f"never within {seconds} s: {took}"
