"""Tools that every deployment has: for trying things out, for tests and for demos."""

import asyncio
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from contracts.workflow import MAX_DELAY_SECONDS, ErrorType
from execution.tools import ToolContext, ToolError, ToolFunction

Arguments = dict[str, Any]


async def echo(arguments: Arguments, _: ToolContext) -> Arguments:
    """Return the arguments."""
    return arguments


async def sleep(arguments: Arguments, context: ToolContext) -> Arguments:
    """Wait `seconds` in the worker (a `delay` node waits without one); ends early when the run is cancelled."""
    seconds = _number(arguments, "seconds", MAX_DELAY_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            await context.cancellation.wait()
    except TimeoutError:
        return {"seconds": seconds}
    raise ToolError("The run was cancelled.", "cancelled", "cancelled")


async def fail(arguments: Arguments, context: ToolContext) -> Arguments:
    """Fail the first `times` attempts (all of them without `times`) with `error_type` and `message`."""
    error_type = arguments.get("error_type", "permanent")
    if error_type not in get_args(ErrorType):
        raise ToolError(f"`error_type` must be one of {', '.join(get_args(ErrorType))}.", code="bad_arguments")
    times = _number(arguments, "times", float("inf")) if arguments.get("times") is not None else float("inf")
    if context.attempt <= times:
        message = str(arguments.get("message", "The tool `fail` was asked to fail."))
        raise ToolError(message, cast(ErrorType, error_type), "failed_on_purpose")
    return {"attempt": context.attempt}


async def append_line(arguments: Arguments, context: ToolContext) -> Arguments:
    """Append `text` as one line to the file at `path`: exactly one for each idempotency key, also after a crash.

    Which keys have their line is kept beside the file, in `<path>.keys`.
    """
    if context.production:
        raise ToolError("append_line is refused in production mode.", code="refused_in_production")
    path, text = arguments.get("path"), arguments.get("text")
    text = str(text) if isinstance(text, int | float) else text
    if not isinstance(path, str) or not path or not isinstance(text, str) or "\n" in text:
        raise ToolError("append_line needs `path` and `text`, a single line.", code="bad_arguments")
    await asyncio.to_thread(_append_once, Path(path), text, context.idempotency_key)
    return {"path": path, "text": text}


def _append_once(path: Path, text: str, key: str) -> None:
    """Write an intent (key and offset), then the line; an intent whose line is missing is carried out again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = text.encode() + b"\n"
    with path.with_name(path.name + ".keys").open("a+b") as intents, path.open("a+b") as lines:
        fcntl.flock(intents, fcntl.LOCK_EX)
        if _has_line(intents.fileno(), lines.fileno(), key.encode(), line):
            return
        offset = os.fstat(lines.fileno()).st_size
        os.write(intents.fileno(), b"%d %s\n" % (offset, key.encode()))
        os.write(lines.fileno(), line)


def _has_line(intents: int, lines: int, key: bytes, line: bytes) -> bool:
    """Whether the last intent of the key was carried out: its line stands there and is no later intent's."""
    written = os.pread(intents, os.fstat(intents).st_size, 0)
    found = written.rfind(b" " + key + b"\n")
    if found < 0:
        return False
    offset = written[written.rfind(b"\n", 0, found) + 1 : found]
    taken_over = b"\n" + offset + b" " in written[found:]
    return not taken_over and os.pread(lines, len(line), int(offset)) == line


def _number(arguments: Arguments, name: str, most: float) -> float:
    value = arguments.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise ToolError(f"`{name}` must be a number from 0 to {most:,g}.", code="bad_arguments")


BUILT_IN: Mapping[str, ToolFunction] = MappingProxyType(
    {"echo": echo, "sleep": sleep, "fail": fail, "append_line": append_line}
)
"""By the name that `tool` nodes use."""
