"""Keyset pages: a cursor is where the last page ended, opaque to those who carry it."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from contracts.refusal import Malformed

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_cursor(*key: str) -> str:
    """The cursor behind a row with this sort key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """The sort key, a list of `parts` strings; refused (400) when this house did not make the cursor."""
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise bad_cursor()
    return key


def moment_cursor(moment: datetime, id: UUID) -> str:
    """The cursor behind a row of a list that is sorted by time, then by id."""
    return encode_cursor(str((moment - EPOCH) // MICROSECOND), id.hex)


def read_moment_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Where such a cursor points to; refused (400) when this house did not make it."""
    moment, id = decode_cursor(cursor, parts=2)
    try:
        return EPOCH + int(moment) * MICROSECOND, UUID(id)
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error


def bad_cursor() -> Malformed:
    """The refusal of a cursor that cannot be read."""
    return Malformed("bad_cursor", "`cursor` is not one that this service gave; begin again without it.")
