"""Tools of the stacks that are treated badly: they tell the specifications which process they run in."""

import os
import time
from pathlib import Path

POLL_SECONDS = 0.005
LONGEST_SECONDS = 30.0


def who(arguments: dict, context: object) -> int:
    """Write this process's id to the file at `path`."""
    _tell(Path(arguments["path"]))
    return os.getpid()


def hold(arguments: dict, context: object) -> int:
    """Write this process's id to the file at `path`, and go on when `<path>.go` is there."""
    path = Path(arguments["path"])
    _tell(path)
    deadline = time.monotonic() + LONGEST_SECONDS
    while not path.with_suffix(".go").exists() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return os.getpid()


def _tell(path: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(str(os.getpid()))
    draft.rename(path)
