"""Tools of the stacks that are treated badly: they tell the specifications which process they run in."""

import os
from pathlib import Path


def who(arguments: dict, context: object) -> int:
    """Write this process's id to the file at `path`."""
    path = Path(arguments["path"])
    draft = path.with_suffix(".draft")
    draft.write_text(str(os.getpid()))
    draft.rename(path)
    return os.getpid()
