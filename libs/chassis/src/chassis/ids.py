"""Where identifiers come from: fresh ones sort by time, derived ones are the same for the same words."""

from functools import lru_cache
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

DERIVED = UUID("5f0c7b1e-93a4-5d0e-8a57-6b0d2f8c41aa")
"""The namespace of every derived id. Never changes: stored ids depend on it."""

SEPARATOR = "\x1f"
"""Between the words of a derived id (the ASCII unit separator), so that ("ab", "c") and ("a", "bc") differ."""

IDS_IN_HAND = 4_096
"""Of the runs that go on at the same moment, with room to spare."""


def new_id() -> UUID:
    """A fresh id (UUIDv7): later ones sort after earlier ones, so indexes grow at one end."""
    return uuid7()


def derived_id(*parts: str) -> UUID:
    """The one id that belongs to these words, in every process and for ever."""
    return uuid5(DERIVED, SEPARATOR.join(parts))


def plain_id(id: UUID) -> UUID:
    """The id as the standard library's own type: asyncpg answers a subclass, which orjson refuses to write."""
    return UUID(int=id.int)


@lru_cache(maxsize=IDS_IN_HAND)
def text_of(id: UUID) -> str:
    """The id as text, remembered: every step of a run names the run several times."""
    return str(id)
