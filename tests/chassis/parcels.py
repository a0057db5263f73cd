"""An aggregate to try the chassis with: a parcel that is posted, moved and delivered."""

from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import event

from chassis.aggregate import Aggregate
from contracts.message import Event
from contracts.refusal import Conflict


class ParcelEvent(Event):
    """A fact about one parcel."""

    SERVICE = "post"


class ParcelPosted(ParcelEvent):
    """Handed in; it has two shapes behind it, see `test_codec`."""

    class_version: ClassVar[int] = 3

    weight_grams: int
    receiver: str


class ParcelMoved(ParcelEvent):
    """Seen somewhere on its way."""

    place: str


class ParcelDelivered(ParcelEvent):
    """With its receiver."""


class Parcel(Aggregate):
    """One parcel, from the counter to its receiver."""

    class ParcelPosted(ParcelPosted, Aggregate.Created):
        """Begins the stream."""

    class ParcelMoved(ParcelMoved, Aggregate.Event):
        """Recorded on every stop."""

    class ParcelDelivered(ParcelDelivered, Aggregate.Event):
        """Ends the way."""

    @event(ParcelPosted)
    def __init__(self, id: UUID, weight_grams: int, receiver: str) -> None:
        self.weight_grams = weight_grams
        self.receiver = receiver
        self.places: list[str] = []
        self.is_delivered = False

    def move(self, place: str) -> None:
        """It was seen in `place`; refused once it is delivered."""
        if self.is_delivered:
            raise Conflict("parcel_delivered", "A delivered parcel moves no more.")
        self._moved(place=place)

    def deliver(self) -> None:
        """It was handed over; saying so twice changes nothing."""
        if not self.is_delivered:
            self._delivered()

    @event(ParcelMoved)
    def _moved(self, place: str) -> None:
        self.places.append(place)

    @event(ParcelDelivered)
    def _delivered(self) -> None:
        self.is_delivered = True
