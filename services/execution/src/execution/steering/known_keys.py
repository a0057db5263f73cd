"""Idempotency keys in the ledger: what a key names already, and the fact that takes it."""

from typing import NamedTuple
from uuid import UUID

from chassis import clock
from chassis.ledger import Append
from contracts.instance_events import IdempotencyKeyTaken
from execution.driving.records import Records, appended
from execution.steering import idempotency


class Looked(NamedTuple):
    """What was found under a request's key."""

    named: UUID | None
    """What an equal request before this one was answered with."""
    also: tuple[Append, ...]
    """To be recorded together with the request, so that the key is taken or nothing is done."""


async def look_up(request: idempotency.KeyedRequest | None, records: Records) -> Looked:
    """Look the key up; a request without one is new. Raises `Conflict` when it was used with other content."""
    if request is None:
        return Looked(None, ())
    history = await records.history(request.stream_id)
    last = history[-1] if history and isinstance(history[-1], IdempotencyKeyTaken) else None
    named = idempotency.named_before(last, request, clock.now())
    if named is not None:
        return Looked(named, ())
    return Looked(None, (appended([idempotency.key_taken(request, last, clock.now())]),))
