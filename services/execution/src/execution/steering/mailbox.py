"""The mailbox of one key: signals that nobody took yet, and who waits for the next one (pure).

A signal that is posted goes to the instance that has waited longest; with nobody waiting it is kept, and goes to the
first instance that begins to wait. Whoever records one or the other names the mailbox's version, so of two who read
the same mailbox only one is right: a signal has one taker, however many race for it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from chassis.ids import derived_id
from contracts import instance_events as facts
from contracts.refusal import Conflict
from contracts.steering import MAX_SIGNALS_KEPT
from execution.domain.visits import Visit

REMEMBERED_SIGNALS = 1_000
"""So many signals that were taken are known by their id, should one be sent again."""


class Address(NamedTuple):
    """Which mailbox: of a blueprint's instances of one owner, by the signal's name and key."""

    blueprint_id: UUID
    owner: str
    name: str
    key: str

    @property
    def stream_id(self) -> UUID:
        """The stream of its facts."""
        return derived_id("mailbox", str(self.blueprint_id), self.owner, self.name, self.key)


def owner_of(user_id: str, team_id: str | None) -> str:
    """Whose mailboxes an instance reads: its team's, or its user's own."""
    return f"user:{user_id}" if team_id is None else f"team:{team_id}"


@dataclass
class Mailbox:
    """What is in it, folded from its facts."""

    address: Address
    version: int = 0
    posted: OrderedDict[UUID, int] = field(default_factory=OrderedDict)
    """Signals that nobody took, the oldest first, with the version of the fact that has their payload."""
    waiting: list[UUID] = field(default_factory=list)
    """Instances in the order in which they began to wait; some may have stopped since."""
    taken: OrderedDict[UUID, UUID] = field(default_factory=OrderedDict)
    """The signals taken last, and by which instance."""

    def copy(self) -> Self:
        """The same at this moment, whatever becomes of this one."""
        same = (OrderedDict(self.posted), list(self.waiting), OrderedDict(self.taken))
        return type(self)(self.address, self.version, *same)

    def apply(self, event: facts.InstanceEvent) -> None:
        """Fold one fact; one that is known already changes nothing."""
        if event.originator_version <= self.version:
            return
        self.version = event.originator_version
        if isinstance(event, facts.SignalPosted):
            # Whoever posted it found that nobody in the line waits any more.
            self.waiting.clear()
            self.posted[event.signal_id] = event.originator_version
        elif isinstance(event, facts.SignalAwaited):
            self.waiting.append(event.instance_id)
        elif isinstance(event, facts.SignalTaken):
            self.hand_out(event)

    def hand_out(self, event: facts.SignalTaken) -> None:
        """A signal has found its taker; one that was not kept went to the first in the line who still waits."""
        if self.posted.pop(event.signal_id, None) is None and event.instance_id in self.waiting:
            del self.waiting[: self.waiting.index(event.instance_id) + 1]
        self.taken[event.signal_id] = event.instance_id
        if len(self.taken) > REMEMBERED_SIGNALS:
            self.taken.popitem(last=False)

    def knows(self, signal_id: UUID) -> bool:
        """Whether this signal was posted before."""
        return signal_id in self.posted or signal_id in self.taken

    @property
    def line(self) -> Iterable[UUID]:
        """Who waits, or did, each once, the first to be asked first."""
        return tuple(dict.fromkeys(self.waiting))

    def post(self, signal_id: UUID, payload: Any, by: str, now: datetime) -> facts.SignalPosted:
        """The fact that a signal is kept here; raises `Conflict` when it is full."""
        if len(self.posted) >= MAX_SIGNALS_KEPT:
            raise too_many_signals(f"{len(self.posted)} signals for the key {self.address.key!r} wait for a taker")
        said: dict[str, Any] = {"signal_id": signal_id, "name": self.address.name, "key": self.address.key}
        return facts.SignalPosted(**self.next(now), **said, payload=payload, by=by)

    def hand_to(self, instance_id: UUID, signal_id: UUID, now: datetime) -> facts.SignalTaken:
        """The fact that an instance has taken a signal."""
        return facts.SignalTaken(**self.next(now), signal_id=signal_id, instance_id=instance_id)

    def line_up(self, instance_id: UUID, visit: Visit, label: str, now: datetime) -> facts.SignalAwaited:
        """The fact that an instance waits for the next signal."""
        place: dict[str, Any] = {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope, "label": label}
        return facts.SignalAwaited(**self.next(now), instance_id=instance_id, **place)

    def next(self, now: datetime) -> dict[str, Any]:
        """Where and when its next fact is recorded."""
        stream_id = self.address.stream_id
        return {"originator_id": stream_id, "originator_version": self.version + 1, "timestamp": now}


def too_many_signals(what: str) -> Conflict:
    """The refusal of a signal for which there is no room."""
    return Conflict("too_many_signals", f"{what}; at most {MAX_SIGNALS_KEPT} are kept. Post again when some are taken.")
