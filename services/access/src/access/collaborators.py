"""What the handlers and queries of this service work with."""

from dataclasses import dataclass

from access.data_keys import DataKeys
from access.domain.users import User
from chassis.read_model import ReadModel
from chassis.streams import Streams


@dataclass(frozen=True, slots=True)
class Collaborators:
    """The streams to decide on, the keys to seal with, the rows to read."""

    users: Streams[User]
    keys: DataKeys
    rows: ReadModel
