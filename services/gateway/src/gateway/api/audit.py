"""Over HTTP: the audit trail, read, verified, exported."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from litestar import Response, get
from litestar.response import Stream
from pydantic import Field

from contracts.access import UserId
from contracts.audit import AuditPage, AuditVerdict, ListAudit, RecordedAudit, VerifyAudit
from contracts.blueprint import DEFAULT_PAGE, MAX_PAGE, PageLimit
from contracts.message import StrictMessage
from gateway import access_examples as examples
from gateway.answers import passed
from gateway.api import Asked, House, Who
from gateway.api.executions import NDJSON
from gateway.asking import look
from gateway.operation import Operation, Outcome, described
from gateway.params import Rfc3339, query_of

VERIFY_SECONDS = 60.0
"""The whole chain is read."""


class ExportKeys(StrictMessage):
    """The query keys of exporting."""

    user: UserId | None = Field(default=None, description="Only what this user asked for.")
    since: Rfc3339 | None = Field(default=None, description="Seen at this time or later.")
    until: Rfc3339 | None = Field(default=None, description="Seen before this time.")


class AuditKeys(ExportKeys):
    """The query keys of reading page by page."""

    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


@get(
    "/audit",
    operation_id="listAudit",
    opt=described(
        Operation(
            query=AuditKeys,
            outcomes={200: Outcome("A page, newest first.", AuditPage, examples.AUDIT_PAGE)},
        )
    ),
)
async def list_audit(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Read who asked for what, when, from where, and what came of it; for admins of the deployment."""
    keys = query_of(AuditKeys, request)
    query = _query(keys, caller).model_copy(update={"limit": keys.limit, "cursor": keys.cursor})
    return passed(await look(bus, query))


@get(
    "/audit/verify",
    operation_id="verifyAudit",
    opt=described(Operation(outcomes={200: Outcome("Whether it is whole.", AuditVerdict, examples.VERDICT)})),
)
async def verify_audit(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Verify the whole audit trail: every entry holds the hash of the one before, so that a change shows."""
    query_of(StrictMessage, request)
    return passed(await bus.ask(VerifyAudit(caller=caller), VERIFY_SECONDS))


@get(
    "/audit/export",
    operation_id="exportAudit",
    opt=described(
        Operation(
            query=ExportKeys,
            outcomes={
                200: Outcome("One entry a line, newest first.", RecordedAudit, examples.AUDITED, media_type=NDJSON)
            },
        )
    ),
)
async def export_audit(request: Asked, caller: Who, bus: House) -> Stream:
    """Export the audit trail, entry by entry; an export that breaks off is not whole, begin it again."""
    query = _query(query_of(ExportKeys, request), caller).model_copy(update={"limit": MAX_PAGE})
    first = orjson.loads(await look(bus, query))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_lines(bus, query, first), status_code=200, media_type=NDJSON, headers=headers)


async def _lines(bus: House, query: ListAudit, page: dict[str, Any]) -> AsyncIterator[bytes]:
    while True:
        yield b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in page["items"])
        if page["next_cursor"] is None:
            return
        page = orjson.loads(await look(bus, query.model_copy(update={"cursor": page["next_cursor"]})))


def _query(keys: ExportKeys, caller: Who) -> ListAudit:
    return ListAudit(caller=caller, user_id=keys.user, since=keys.since, until=keys.until)


ENDPOINTS = (list_audit, verify_audit, export_audit)
