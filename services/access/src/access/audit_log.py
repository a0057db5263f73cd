"""The audit log on the ledger: one batch after the other, each sealed, chained and recorded once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

from pydantic_core import to_json

from access.data_keys import DEPLOYMENT, DataKey, DataKeys
from access.domain.audit_chain import Content, Head, event_id_of, extended
from access.domain.users import user_ref
from chassis import clock
from chassis.codec import Codec
from chassis.ledger import Append, EventStore, NewEvent, VersionConflict
from chassis.read_model import ReadModel
from chassis.sealing import Sealer, key_from_text, new_key
from contracts.audit import AuditEntry, CommandsAudited
from contracts.refusal import Unavailable

TOPIC = CommandsAudited.topic()
TRIES = 20
"""How often a batch is chained anew after another process was quicker."""
LONGEST = 255
"""Characters of what comes from outside that are kept."""
AUDIT_PLACE = "audit entry"
"""What the personal part of an entry is sealed for."""
KNOWN = "SELECT FROM audit_batches WHERE batch_id = $1"


class AuditLog:
    """Appends batches, one at a time in this process; against others a taken version decides."""

    def __init__(self, store: EventStore, keys: DataKeys, rows: ReadModel) -> None:
        self.store = store
        self.keys = keys
        self.rows = rows
        self._codec = Codec(CommandsAudited)
        self._turn = asyncio.Lock()
        self._head: Head | None = None

    async def record(self, batch_id: UUID, entries: Sequence[AuditEntry]) -> None:
        """Record a batch unless it is recorded already."""
        contents = await self._sealed(entries)
        async with self._turn:
            for _ in range(TRIES):
                head = self._head or await self._read_head()
                if await self.rows.fetch(KNOWN, batch_id):
                    return
                events = extended(head, batch_id, contents, clock.now())
                # Whatever happens to the append, the head is read anew unless it is known to have got there.
                self._head = None
                try:
                    await self.store.append(*(Append(event.originator_id, (_new(event),)) for event in events))
                except VersionConflict:
                    continue
                self._head = Head.after(events[-1])
                return
        detail = "Other processes were quicker each time: send the batch again."
        raise Unavailable("audit_busy", detail, retry_after_seconds=1.0)

    async def _read_head(self) -> Head:
        position = await self.store.last_of([TOPIC], await self.store.head())
        if not position:
            return Head()
        (recorded,) = await self.store.read_after(position - 1, 1)
        event = self._codec.decode(recorded)
        if not isinstance(event, CommandsAudited) or not event.entries:
            raise RuntimeError(f"event {recorded.event_id} of the audit log is not as it was recorded: verify the log")
        return Head.after(event)

    async def _sealed(self, entries: Sequence[AuditEntry]) -> list[Content]:
        owners = [DEPLOYMENT if entry.user_id is None else user_ref(entry.user_id) for entry in entries]
        keys = await self.keys.of(set(owners))
        return [
            _sealed(entry, keys.get(owner) or _key_that_nobody_has())
            for entry, owner in zip(entries, owners, strict=True)
        ]


def _sealed(entry: AuditEntry, key: DataKey) -> Content:
    members = {name: _short(getattr(entry, name)) for name in ("user_id", "address", "target")}
    text = to_json({**members, "key_id": entry.key_id}).decode()
    return Content(
        at=entry.at,
        action=_short(entry.action) or "",
        status=entry.status,
        refusal=_short(entry.refusal),
        sealed=key.sealer.seal(text, AUDIT_PLACE),
        key_name=str(key.name),
    )


def _key_that_nobody_has() -> DataKey:
    """For users who were erased and still knock: that somebody did is kept, who it was is not."""
    return DataKey(uuid4(), Sealer(key_from_text(new_key())))


def _short(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _new(event: CommandsAudited) -> NewEvent:
    return NewEvent(event_id_of(event), event.originator_version, TOPIC, event.state())
