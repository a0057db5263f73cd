"""The tools of the stack in the storm: each leaves its mark outside, some are slow, some fail at times."""

import asyncio
import os
import signal
import time
import zlib
from pathlib import Path
from typing import Any

from execution.tools import ToolError
from tests.chaos import outside

FAILS_OF_TEN = 3


async def act(arguments: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do something outside, in the middle of `seconds`; answer the key that it was done under."""
    folder = Path(os.environ[outside.FOLDER_VARIABLE])
    half = float(arguments.get("seconds", 0.0)) / 2
    await asyncio.sleep(half)
    key = context.idempotency_key
    outside.append(folder, outside.Effect(key, context.node_id, context.attempt, time.time(), os.getpid()))
    if outside.struck(folder):
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(half)
    if arguments.get("shaky") and zlib.crc32(key.encode()) % 10 < FAILS_OF_TEN:
        raise ToolError("The mill wheel slipped; it may hold next time.", "transient", "slipped")
    return {"key": key}
