"""The one clock of the house: wall time in UTC, which a test can move, and time that only goes forward."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

OFFSET_FILE_VARIABLE = "HEADRACE_CLOCK_OFFSET_FILE"
"""Names a file that holds the seconds to add to the wall clock. For tests across processes; unset in production."""


offset_file: Path | None = Path(os.environ[OFFSET_FILE_VARIABLE]) if OFFSET_FILE_VARIABLE in os.environ else None
"""As it was named when this process began: to look it up anew would cost as much as to read the clock ten times."""


def now() -> datetime:
    """The time on the wall, in UTC, moved by the offset file where one is named."""
    moment = datetime.now(UTC)
    return moment if offset_file is None else moment + _offset(offset_file)


def monotonic() -> float:
    """Seconds that never jump: for durations and deadlines inside one process, never for stored times."""
    return time.monotonic()


def _offset(path: Path) -> timedelta:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        text = ""
    return timedelta(seconds=float(text or 0))
