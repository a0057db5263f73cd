"""Tools of the stacks that are treated badly: they tell the specifications which process they run in."""

import os
import sys
from pathlib import Path


def who(arguments: dict, context: object) -> int:
    """Write this process's id to the file at `path`."""
    path = Path(arguments["path"])
    draft = path.with_suffix(".draft")
    draft.write_text(str(os.getpid()))
    draft.rename(path)
    return os.getpid()


def breaks(arguments: dict, context: object) -> None:
    """Raise what any code may raise."""
    raise LookupError("the wheel is not there")


def leaves(arguments: dict, context: object) -> None:
    """Raise what ends a process, were it not caught."""
    sys.exit("the miller went home")


async def leaves_at_once(arguments: dict, context: object) -> None:
    """The same, from the worker's own thread."""
    raise KeyboardInterrupt("the miller was called away")
