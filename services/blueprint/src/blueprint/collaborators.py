"""What the handlers and queries of this service work with."""

from dataclasses import dataclass

from blueprint.domain import Blueprint
from blueprint.references import References
from chassis.read_model import ReadModel
from chassis.streams import Streams


@dataclass(frozen=True, slots=True)
class Collaborators:
    """The streams to decide on, the references that runs need, the rows to read."""

    blueprints: Streams[Blueprint]
    references: References
    rows: ReadModel
