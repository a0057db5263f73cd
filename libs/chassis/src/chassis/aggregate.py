"""An aggregate whose recorded events are the public contracts themselves: no second definition, no translation."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Self, cast
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from eventsourcing.utils import get_topic

from chassis import clock, ids
from contracts.message import Event as Contract


class Aggregate(BaseAggregate[UUID]):
    """Decides by commands, remembers by events.

    A contract becomes recordable by a nested class of the same name: `class ThingOpened(contracts.ThingOpened,
    Aggregate.Created)` for the event that begins the stream, `Aggregate.Event` for the others; `@event(ThingOpened)`
    marks the method that applies it. Such a method runs again on every reading of the stream, so it only assigns:
    the rules are checked by the command method that calls it.
    """

    position = 0  # without an annotation, which would make a dataclass of every aggregate
    """The ledger position of its last event; 0 until it is recorded. Kept by `chassis.streams`."""

    class Event(CanMutateAggregate[UUID]):
        """Makes a contract an event of the aggregate."""

        @staticmethod
        def create_timestamp() -> datetime:
            """When it was decided, on the house's clock."""
            return clock.now()

    class Created(Event, CanInitAggregate[UUID]):
        """Makes a contract the event that begins the aggregate."""

        originator_topic: ClassVar[str]  # type: ignore[misc]  # known from the class, hence not a member of the contract

    class Repeated(Created):
        """Makes a contract an event that begins the aggregate, and that may come again later."""

        def mutate(self, aggregate: Any) -> Any:
            """The new aggregate, or the one there is as the event leaves it."""
            return super().mutate(None) if aggregate is None else CanMutateAggregate.mutate(self, aggregate)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check the names, and tell the event that begins a stream which aggregate it belongs to."""
        super().__init_subclass__(**kwargs)
        for event_type in cls.event_types():
            _refuse_another_name(event_type)
            if issubclass(event_type, Aggregate.Created):
                event_type.originator_topic = get_topic(cls)

    @staticmethod
    def create_id(*_: Any, **__: Any) -> UUID:
        """The id of an aggregate whose maker gives none (an `id` parameter of `__init__` takes one)."""
        return ids.new_id()

    @classmethod
    def event_types(cls) -> tuple[type[Contract], ...]:
        """The contracts that this aggregate records, as the classes that know how to change it."""
        found = vars(cls).values()
        return tuple(kind for kind in found if isinstance(kind, type) and issubclass(kind, Contract))

    @classmethod
    def replay(cls, events: Iterable[Contract], aggregate: Self | None = None) -> Self | None:
        """The aggregate after `events` of its stream, from `aggregate` on where given; None when there are none."""
        for event in events:
            aggregate = cast("CanMutateAggregate[UUID]", event).mutate(aggregate)
        return aggregate


def _refuse_another_name(event_type: type[Contract]) -> None:
    # The name is the stored topic and part of the subject: under another one, nobody would hear it.
    contract = next(kind for kind in event_type.__mro__ if not issubclass(kind, CanMutateAggregate))
    if contract.__name__ != event_type.__name__:
        raise TypeError(f"{event_type.__qualname__} must bear the name of its contract, {contract.__name__}")
