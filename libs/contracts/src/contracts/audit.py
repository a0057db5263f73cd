"""Commands, events, queries and views of the audit log."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.access import AccessCommand, AccessEvent, AccessQuery, Instant, UserId
from contracts.blueprint import DEFAULT_PAGE, PageLimit
from contracts.message import Capability, Message, Moment, View

MAX_AUDIT_BATCH = 1_000


class AuditEntry(Message):
    """One command: who asked what, when, from where, and what came of it. Never its content."""

    at: AwareDatetime
    user_id: str | None
    """None: nobody could be told from the request."""
    address: str
    """The client's, as the gateway saw it."""
    action: str
    """The endpoint (`POST /blueprints/{id}/execute`)."""
    target: str | None
    """The id in the path, where there is one."""
    status: Annotated[int, Field(ge=100, le=599)]
    """HTTP status of the answer."""
    refusal: str | None = None
    """The code of the refusal; None when it was done."""
    key_id: UUID | None = None
    """The API key that was used."""


class RecordedAudit(AuditEntry):
    """An entry with its place in the chain. What was sealed with a key that is shredded is None or empty."""

    at: Moment
    seq: int
    hash: str
    """SHA-256 (hex) over the hash before it, the sealed entry and its place in the ledger."""
    erased: bool


class AuditPage(View):
    """A keyset page, newest first."""

    items: tuple[RecordedAudit, ...]
    next_cursor: str | None


class AuditVerdict(View):
    """Whether the chain is whole."""

    entries: int
    intact: bool
    broken_at: int | None
    """The first seq that does not follow from the one before."""
    head: str
    """Hash of the last entry; keep it elsewhere, and nobody can rewrite the log unnoticed."""


class RecordAudit(AccessCommand):
    """What a gateway saw. Heard twice (`batch_id`), it is recorded once."""

    JUDGES_VALUES = True
    ANSWER: ClassVar = None
    NEEDS: ClassVar[Capability | None] = "read"
    batch_id: UUID
    entries: Annotated[tuple[AuditEntry, ...], Field(min_length=1, max_length=MAX_AUDIT_BATCH)]


class ListAudit(AccessQuery):
    """For the deployment's admin; `since` and `until` bound the time."""

    ANSWER: ClassVar = AuditPage
    user_id: UserId | None = None
    since: Instant | None = None
    until: Instant | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class VerifyAudit(AccessQuery):
    """Read the whole chain and say whether it holds. The deployment's admin only."""

    ANSWER: ClassVar = AuditVerdict


class SealedAudit(Message):
    """An entry as it is kept: who, from where and what for are sealed with the user's own key."""

    seq: int
    at: datetime
    action: str
    status: int
    refusal: str | None
    sealed: str
    """`{user_id, address, target, key_id}` under the key `key_name`."""
    key_name: str
    hash: str


class CommandsAudited(AccessEvent):
    """A batch of the chain; `originator_id` is the day's stream. `previous` is the hash before its first entry.

    One without entries closes the stream of a day, together with the batch that begins the next.
    """

    batch_id: UUID
    previous: str
    entries: tuple[SealedAudit, ...]
