"""Stretches of time as people read them (pure)."""

from datetime import datetime

FEW, SECOND, MINUTE = 10, 1_000, 60_000
"""In milliseconds; a few of them are shown with a decimal."""
STEPS = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))
"""From the longest down: a unit and its seconds, and the one that follows it."""


def milliseconds(value: float) -> str:
    """A duration: `0.4 ms`, `12 ms`, `3.2 s`, `2 min 5 s`, `3 h 20 min`, `2 d 5 h`."""
    if value < SECOND:
        return f"{value:.{1 if value < FEW else 0}f} ms"
    if value < MINUTE:
        return f"{value / SECOND:.1f} s"
    seconds = round(value / SECOND)
    unit, size, next_unit, next_size = next(step for step in STEPS if seconds >= step[1])
    return f"{seconds // size} {unit} {seconds % size // next_size} {next_unit}"


def between(since: str, due_at: str) -> str:
    """How far away a time is, 0 when it has passed; raises `ValueError` for what is no time."""
    ahead = datetime.fromisoformat(due_at) - datetime.fromisoformat(since)
    return milliseconds(max(0.0, ahead.total_seconds() * SECOND))
