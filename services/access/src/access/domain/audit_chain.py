"""The chain of the audit log: each entry's hash covers the one before it, its own sealed content and its place.

A day has a stream. The one before is closed by an event without entries, recorded together with the first of the next:
so whoever still writes to the old day meets a version that is taken, and the chain cannot fork at midnight either.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from chassis.ids import derived_id
from contracts.audit import CommandsAudited, SealedAudit
from contracts.message import Message

BEGINNING = derived_id("audit", "beginning")
"""The stream that is closed when the first day begins."""
NO_HASH = "0" * 64

_canonical = json.JSONEncoder(separators=(",", ":")).encode
"""The one text for these values: an array has an order, and everything in it is a number, a text or null."""


class Content(Message):
    """An entry before it has a place: what is shown, and what is sealed."""

    at: datetime
    action: str
    status: int
    refusal: str | None
    sealed: str
    key_name: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: where the next batch goes on."""

    stream_id: UUID = BEGINNING
    version: int = 0
    seq: int = 0
    hash: str = NO_HASH
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @classmethod
    def after(cls, event: CommandsAudited) -> "Head":
        """The end once this batch is recorded, which has entries."""
        last = event.entries[-1]
        return cls(event.originator_id, event.originator_version, last.seq, last.hash, event.timestamp)


def stream_of(moment: datetime) -> UUID:
    """The stream of the day in UTC."""
    return derived_id("audit", moment.astimezone(UTC).date().isoformat())


def extended(head: Head, batch_id: UUID, contents: Sequence[Content], now: datetime) -> tuple[CommandsAudited, ...]:
    """The events that record a batch; times never run backwards, whatever the clocks of several processes say."""
    at = max(now, head.at)
    day = stream_of(at)
    goes_on = day == head.stream_id
    batch = CommandsAudited(
        originator_id=day,
        originator_version=head.version + 1 if goes_on else 1,
        timestamp=at,
        batch_id=batch_id,
        previous=head.hash,
        entries=(),
    )
    links = zip(_links(head, batch, contents), contents, strict=True)
    entries = tuple(SealedAudit(**dict(content), seq=seq, hash=link) for (seq, link), content in links)
    chained = batch.model_copy(update={"entries": entries})
    if goes_on:
        return (chained,)
    closing = batch.model_copy(update={"originator_id": head.stream_id, "originator_version": head.version + 1})
    return closing, chained


def event_id_of(event: CommandsAudited) -> UUID:
    """The id under which a batch is recorded: it follows from the batch, so that it cannot be changed either."""
    end = event.entries[-1].hash if event.entries else event.previous
    return derived_id("audited", str(event.originator_id), str(event.originator_version), end)


class Verification:
    """Follows the chain from its beginning; `broken_at` is the first seq that does not follow, once there is one."""

    def __init__(self) -> None:
        self.head = Head()
        self.broken_at: int | None = None
        self._closing: CommandsAudited | None = None

    def follow(self, event: CommandsAudited) -> None:
        """Take the next batch; nothing more is taken once the chain is broken."""
        if self.broken_at is not None:
            return
        if not self._in_place(event) or event.previous != self.head.hash or event.timestamp < self.head.at:
            self.break_at(self.head.seq + 1)
            return
        if not event.entries:
            self._closing = event
            return
        self._closing = None
        self.broken_at = _first_wrong(self.head, event)
        if self.broken_at is None:
            self.head = Head.after(event)

    def break_at(self, seq: int) -> None:
        """What was read from elsewhere does not fit."""
        self.broken_at = seq if self.broken_at is None else min(self.broken_at, seq)

    def end(self) -> None:
        """There are no more batches; one must not be missing."""
        if self._closing is not None:
            self.break_at(self.head.seq + 1)

    def _in_place(self, event: CommandsAudited) -> bool:
        place = (event.originator_id, event.originator_version)
        next_place = (self.head.stream_id, self.head.version + 1)
        if self._closing is None:
            is_of_the_day = not event.entries or stream_of(event.timestamp) == event.originator_id
            return place == next_place and is_of_the_day
        same_batch = (event.batch_id, event.timestamp) == (self._closing.batch_id, self._closing.timestamp)
        return bool(event.entries) and same_batch and place == (stream_of(event.timestamp), 1)


def _first_wrong(head: Head, event: CommandsAudited) -> int | None:
    pairs = zip(_links(head, event, event.entries), event.entries, strict=True)
    return next((seq for (seq, link), found in pairs if (seq, link) != (found.seq, found.hash)), None)


def _links(head: Head, event: CommandsAudited, contents: Sequence[Content | SealedAudit]) -> Iterator[tuple[int, str]]:
    """Seq and hash of each entry that goes on from `head`, in a batch whose place is that of `event`."""
    place = (str(event.originator_id), event.originator_version, str(event.batch_id), _written(event.timestamp))
    link = head.hash
    for seq, content in enumerate(contents, start=head.seq + 1):
        shown = (_written(content.at), content.action, content.status, content.refusal)
        text = _canonical([link, *place, seq, *shown, content.sealed, content.key_name])
        link = sha256(text.encode()).hexdigest()
        yield seq, link


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
