"""What a batch of facts says of one instance, folded before it meets the row (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts import instance_events as facts

ROUSING: frozenset[type[facts.InstanceEvent]] = frozenset(
    {facts.InstanceResumed, facts.InstanceCancelRequested, facts.InstanceTerminateRequested}
)
"""The outside facts that a paused instance answers; all others are kept until it is resumed."""

Whereabouts = Literal["awake", "waiting", "paused"]


@dataclass(slots=True)
class Movement:
    """The last word of a batch on each column; None where the row knows better."""

    version: int = 0
    state: Whereabouts | None = None
    worker_id: UUID | None = None
    resumes_at: datetime | None = None
    started_at: datetime | None = None
    ending: facts.InstanceEnded | None = None
    retried_at: datetime | None = None
    stirred_at: datetime | None = None
    """The first outside fact, as long as the batch does not say where the instance is."""
    roused_at: datetime | None = None
    """The first of those that a paused instance answers."""
    resumed: bool = False
    stopped_by: str | None = None
    """Who asked last to cancel or to terminate it; nobody counts only where `stop_told`."""
    stop_told: bool = False
    erased: bool = False

    def hear(self, event: facts.InstanceEvent) -> None:
        """Fold one fact; most facts move nothing but the version."""
        self.version = event.originator_version
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def settle(self, state: Whereabouts, worker_id: UUID | None = None, resumes_at: datetime | None = None) -> None:
        """From here on the batch knows where the instance is."""
        self.state, self.worker_id, self.resumes_at = state, worker_id, resumes_at
        self.forget_stirs()

    def forget_stirs(self) -> None:
        """What came from outside until now has been taken up, or came too late."""
        self.stirred_at = self.roused_at = None
        self.resumed = False


def started(movement: Movement, event: facts.InstanceStarted) -> None:
    """The graph was entered."""
    movement.started_at = event.timestamp


def claimed(movement: Movement, event: facts.InstanceClaimed) -> None:
    """A worker drives it."""
    movement.settle("awake", worker_id=event.worker_id)


def suspended(movement: Movement, event: facts.InstanceSuspended) -> None:
    """It rests until something happens."""
    movement.settle("waiting", resumes_at=event.due_at)


def paused(movement: Movement, event: facts.InstancePaused) -> None:
    """It rests until it is resumed."""
    movement.settle("paused")


def ended(movement: Movement, event: facts.InstanceEnded) -> None:
    """It is over."""
    movement.ending = event


def retried(movement: Movement, event: facts.InstanceRetried) -> None:
    """It goes on after its end; one that had not ended is driven by whoever recorded this."""
    movement.retried_at = event.timestamp
    movement.stopped_by, movement.stop_told = None, True
    movement.forget_stirs()
    if movement.ending is not None:
        movement.ending = None
        movement.settle("waiting", resumes_at=event.timestamp)


def signalled(movement: Movement, event: facts.SignalReceived) -> None:
    """A signal that nobody waits for yet is kept, and leaves the instance at rest."""
    if not event.early:
        stirred(movement, event)


def stirred(movement: Movement, event: facts.InstanceEvent) -> None:
    """One that rests is due from now on, so that the scan for due ones finds it whatever message is lost.

    What reached it before it went to rest needs nobody: its owner had to know it to record that it rests.
    """
    rousing = type(event) in ROUSING
    if movement.state is None:
        movement.stirred_at = movement.stirred_at or event.timestamp
        movement.roused_at = movement.roused_at or (event.timestamp if rousing else None)
        movement.resumed |= isinstance(event, facts.InstanceResumed)
    elif movement.state == "waiting" or (movement.state == "paused" and rousing):
        movement.resumes_at = min(movement.resumes_at or event.timestamp, event.timestamp)
        if isinstance(event, facts.InstanceResumed):
            movement.state = "waiting"


def stopped(movement: Movement, event: facts.InstanceCancelRequested | facts.InstanceTerminateRequested) -> None:
    """Somebody wants it to end."""
    if movement.ending is None:
        movement.stopped_by, movement.stop_told = event.by, True
    stirred(movement, event)


def erased(movement: Movement, event: facts.InstanceErased) -> None:
    """Its content is forgotten."""
    movement.erased = True


def told_error(event: facts.InstanceEnded) -> tuple[str | None, ...]:
    """Type, code, message and node of the error; who stopped a run is in its row, and so the sentence is made there."""
    if isinstance(event, facts.InstanceFailed):
        return event.error.type, event.error.code, event.error.message, event.error.node_id
    if isinstance(event, facts.InstanceCompleted):
        return None, None, None, None
    return "cancelled", facts.ENDINGS[type(event)], None, None


FOLDS: Mapping[type[facts.InstanceEvent], Callable[[Movement, Any], None]] = {
    **dict.fromkeys(facts.OUTSIDE, stirred),
    **dict.fromkeys(facts.ENDINGS, ended),
    facts.InstanceErased: erased,
    facts.InstanceStarted: started,
    facts.InstanceClaimed: claimed,
    facts.InstanceSuspended: suspended,
    facts.InstancePaused: paused,
    facts.InstanceRetried: retried,
    facts.InstanceCancelRequested: stopped,
    facts.InstanceTerminateRequested: stopped,
    facts.SignalReceived: signalled,
}
"""How each fact moves an instance; what is not here happens within a run that somebody drives."""
