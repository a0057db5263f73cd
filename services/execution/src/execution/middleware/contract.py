"""What a middleware is: it hears one kind of event and answers by recording facts, stopping the rest, or passing on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

from execution.decisions import Turn
from execution.domain import Instance


class Verdict(Enum):
    """What becomes of the event after this middleware."""

    PASS = auto()
    STOP = auto()
    """Intercepted: the middleware after this one do not hear the event."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer from memory, and the instance that gave it."""

    output: Any
    instance_id: UUID


@dataclass(frozen=True, slots=True)
class Grant:
    """What the shared limit says: come in after `wait` (0 is now), or not at all (`refused`, try after `wait`)."""

    refused: bool
    wait: timedelta


class Answers(Protocol):
    """The shared memory of answers."""

    async def recall(self, key: str) -> Remembered | None:
        """What is remembered under the key and has not expired."""
        ...

    async def remember(self, key: str, output: Any, instance_id: UUID, expires_at: datetime) -> None:
        """Keep an answer; a later one replaces it."""
        ...


class Limits(Protocol):
    """Rates shared by all workers."""

    async def take(self, key: str, limit: int, per_seconds: float, *, queue: bool) -> Grant:
        """Take one place; with `queue` a place is always given, later if need be."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What middleware may use beside the event and the instance."""

    answers: Answers
    limits: Limits


class Middleware(Protocol):
    """Hears an event before it is committed; what it records is committed together with it."""

    async def __call__(self, event: Any, turn: Turn, around: Surroundings) -> Verdict:
        """Answer the event. A `Refusal` raised at the door turns the execution away; nothing is written then."""
        ...


class Observer(Protocol):
    """Hears an event after it is committed; records nothing."""

    async def __call__(self, event: Any, instance: Instance, around: Surroundings) -> None:
        """Take note."""
        ...
