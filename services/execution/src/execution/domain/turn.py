"""One round of decisions: facts recorded and folded as they are made (pure)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from contracts import instance_events as facts
from execution.domain.instance import Instance

if TYPE_CHECKING:
    from execution.executors.strategy import Session

MAX_EVENTS_PER_TURN = 500
"""A turn that grows longer is committed and goes on in the next one."""

E = TypeVar("E", bound=facts.InstanceEvent)


class Turn:
    """Records facts and folds each into the instance as it goes."""

    def __init__(self, instance: Instance, now: datetime, session: "Session | None" = None) -> None:
        """A turn at `now`, the one time of all its facts; `session` is the executor's, where one is open."""
        self.instance = instance
        self.session = session
        self.now = now
        self.events: list[facts.InstanceEvent] = []
        self.beside: list[facts.InstanceEvent] = []
        """Facts of other streams (a signal's key), committed together with the turn or not at all."""
        self.heard = 0
        """How many of the events the middleware has answered."""

    @property
    def is_full(self) -> bool:
        """Whether it should be committed before anything else is decided."""
        return len(self.events) >= MAX_EVENTS_PER_TURN

    def record(self, event_type: type[E], **fields: Any) -> E:
        """A new fact, folded at once."""
        event = event_type(
            originator_id=self.instance.id,
            originator_version=self.instance.version + 1,
            timestamp=self.now,
            **fields,
        )
        self.take(event)
        return event

    def take(self, event: facts.InstanceEvent) -> None:
        """A fact made elsewhere, folded at once."""
        self.instance.apply(event)
        self.events.append(event)
