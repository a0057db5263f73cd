"""What a visit of a node is doing: an attempt in flight, or waiting for a time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """A visit in flight: which attempt, since when."""

    number: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """A visit that waits for a time: to go on (`retry` False) or to be tried again (True)."""

    due_at: datetime
    attempt: int
    retry: bool
    since: datetime
