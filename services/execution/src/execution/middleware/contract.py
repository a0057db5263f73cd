"""What a middleware is: it hears one kind of event and answers by recording facts, stopping the rest, or passing on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID, uuid5

from contracts.instance_events import InstanceEvent, SignalPosted
from contracts.quotas import QuotaLimits
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.memory.deployment import Deployment
from execution.steering.mailbox import Address, Mailbox


class Verdict(Enum):
    """What becomes of the event after this middleware."""

    PASS = auto()
    STOP = auto()
    """Intercepted: the middleware after this one do not hear the event."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer from memory, the instance that gave it, and what giving it took."""

    output: Any
    instance_id: UUID
    took_ms: float = 0.0
    tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Awaited:
    """Somebody else has been working out the answer for so long."""

    since: timedelta


@dataclass(frozen=True, slots=True)
class Question:
    """What memory is asked: whose answer it would be, and for how long the asker may work it out alone."""

    key: str
    filler: UUID
    blueprint_id: UUID
    node_id: str | None
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Demand:
    """One place under one limit. `patience` is how many seconds it may wait for it; 0 refuses what is over."""

    key: str
    limit: int
    per_seconds: float
    patience: float = 0.0
    tokens: bool = False
    """The limit counts tokens: what is typical is taken, and corrected by `charge`."""
    said: str = ""
    """The limit as a person would say it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the shared limits say: come in after `wait` (0 is now), or not at all (`refused`, try after `wait`)."""

    refused: bool
    wait: timedelta
    key: str
    """The limit that decided."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue of a critical section, of a visit or (`node_id` None) of a whole instance."""

    id: UUID
    section_key: str
    places: int
    """How many may be inside at once."""
    owner: str
    """Between owners the queue is fair."""
    instance_id: UUID
    node_id: str | None
    visit: int | None
    scope: str
    age: timedelta = timedelta(0)
    """Since it was drawn."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a user or a team may use, and where in the ledger of access that was said."""

    kind: str
    owner: str
    limits: QuotaLimits
    position: int = 0


@dataclass(frozen=True, slots=True)
class Over:
    """The quota that is used up, and which of its limits (a member of `QuotaLimits`)."""

    quota: Quota
    limit: str


class Answers(Protocol):
    """The shared memory of answers."""

    async def recall(self, question: Question) -> Remembered | Awaited | None:
        """What is remembered; else who works it out, or None: the asker does so from now on."""
        ...

    async def remember(self, question: Question, answer: Remembered, ttl_seconds: float) -> None:
        """Keep what the asker has worked out, unless its lease went to another or the memory was cleared since."""
        ...

    async def give_up(self, key: str, filler: UUID) -> None:
        """The asker will not answer: the next one may try."""
        ...

    async def clear(self, blueprint_id: UUID, node_id: str | None) -> int:
        """Forget the answers of a blueprint, or only those of one node; answers how many there were."""
        ...


class Limits(Protocol):
    """Rates shared by all workers."""

    async def take(self, demands: Sequence[Demand], place: str) -> Grant:
        """Take a place under each of them, or under none; `place` names who asks, so that asking again is free."""
        ...

    async def charge(self, place: str, tokens: int) -> None:
        """Put what was really used in the place of what was taken there."""
        ...


class Quotas(Protocol):
    """What users and teams may use in all, counted by all workers together."""

    def of(self, user_id: str, team_id: str | None) -> Sequence[Quota]:
        """The quotas that an execution of this user's, for this team, counts under; mostly none."""
        ...

    async def take(self, instance_id: UUID, quotas: Sequence[Quota], *, counted: bool) -> Over | None:
        """Take a place under each of them, or under none; which one is used up. Asking again takes nothing more."""
        ...

    async def charge(self, instance: Instance) -> None:
        """Count what a run has used until now, and that it lives or has ended."""
        ...


class Sections(Protocol):
    """The arbiter of critical sections."""

    async def enter(self, ticket: Ticket) -> bool:
        """Queue; whether it is inside. Asking again with the same ticket changes nothing."""
        ...

    async def leave(self, ticket_id: UUID) -> Sequence[Ticket]:
        """Give the place back, or leave the queue; answers who is inside from now on and must be told."""
        ...

    async def told(self, ticket_id: UUID) -> None:
        """Its instance knows that it is inside."""
        ...

    async def drawn_by(self, instance_id: UUID) -> Sequence[UUID]:
        """The ids of all tickets of an instance."""
        ...


class Mailboxes(Protocol):
    """Signals that wait for a taker, and who waits for them, by key."""

    async def open(self, address: Address) -> Mailbox:
        """The mailbox as it is now, for the caller alone; an unknown one is empty."""
        ...

    async def posted(self, mailbox: Mailbox, signal_id: UUID) -> SignalPosted:
        """A signal that is kept, with its payload."""
        ...


Decide = Callable[[Instance], Sequence[InstanceEvent]]
"""What somebody outside records in an instance's stream, given the instance; nothing where it came too late.

May raise a `Refusal`.
"""


class Tell(Protocol):
    """Records an outside fact in an instance's stream and lets its owner know."""

    async def __call__(self, instance_id: UUID, decide: Decide) -> Instance:
        """The instance afterwards; `decide` is asked again when somebody else recorded something first."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What middleware may use beside the event and the instance."""

    answers: Answers
    limits: Limits
    quotas: Quotas
    sections: Sections
    mailboxes: Mailboxes
    tell: Tell
    deployment: Deployment


class Middleware(Protocol):
    """Hears an event before it is committed; what it records is committed together with it."""

    async def __call__(self, event: Any, turn: Turn, around: Surroundings, /) -> Verdict:
        """Answer the event. A `Refusal` raised at the door turns the execution away; nothing is written then."""
        ...


class Observer(Protocol):
    """Hears an event after it is committed; records nothing."""

    async def __call__(self, event: Any, instance: Instance, around: Surroundings, /) -> None:
        """Take note."""
        ...


def place_id(instance_id: UUID, node_id: str | None, visit: int | None, scope: str) -> UUID:
    """The one id of a visit (or, without a node, of the instance) in shared memory, however often it is asked for."""
    return uuid5(instance_id, f"{scope}/{node_id}/{visit}" if node_id is not None else "")
