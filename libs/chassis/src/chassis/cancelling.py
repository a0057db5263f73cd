"""Ending tasks for certain: a cancellation can get lost in the libraries below."""

import asyncio
from typing import Any

AGAIN_SECONDS = 1.0
"""When a task that goes on is cancelled again: later than its cleaning up takes."""


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until all are done.

    Python 3.11's `wait_for` forgets a cancellation that meets the result it waits for, and nats-py one that meets a
    flush: a task would then go on for ever, and whoever awaits its end would hang.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
