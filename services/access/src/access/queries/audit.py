"""The audit log as it is read: opened where it can be, and verified from the first entry to the last."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from access.audit_log import AUDIT_PLACE
from access.collaborators import Collaborators
from access.domain.audit_chain import Verification, event_id_of
from access.domain.rights import check_deployment_admin
from access.domain.users import user_ref
from access.projections.audit import COLUMNS
from chassis.answering import Answerer
from chassis.codec import Codec
from chassis.ledger import Recorded
from chassis.paging import bad_cursor, decode_cursor, encode_cursor
from chassis.sealing import Sealer, Unreadable
from contracts.audit import AuditPage, AuditVerdict, CommandsAudited, ListAudit, RecordedAudit, VerifyAudit
from contracts.message import Request
from contracts.versions import Unreadable as UnreadableEvent

MAX_SEQ = 2**62
EVENTS_AT_ONCE = 20
"""Of the ledger, while it is verified: a batch may have a thousand entries."""

PAGE = "SELECT seq, at, action, status, refusal, sealed, key_name, hash FROM audit_log"
NEWEST_FIRST = "ORDER BY at DESC, seq DESC LIMIT $1"
SHOWN = f"SELECT {', '.join(COLUMNS)} FROM audit_log WHERE seq BETWEEN $1 AND $2 ORDER BY seq"  # noqa: S608
NEWEST = "SELECT coalesce(max(seq), 0) FROM audit_log"


async def list_audit(query: ListAudit, at: Collaborators) -> AuditPage:
    """What was asked of the house, newest first; of those who were erased, only that somebody did."""
    check_deployment_admin(query.caller)
    key_name = None
    if query.user_id is not None:
        ref = user_ref(query.user_id)
        key = (await at.keys.existing([ref])).get(ref)
        if key is None:
            return AuditPage(items=(), next_cursor=None)
        key_name = str(key.name)
    found = await at.audit.rows.fetch(*_page(query, key_name))
    shown = found[: query.limit]
    sealers = await at.keys.named({UUID(row["key_name"]) for row in shown})
    items = tuple(_opened(row, sealers.get(UUID(row["key_name"]))) for row in shown)
    more = len(found) > len(shown)
    next_cursor = encode_cursor(shown[-1]["at"].isoformat(), str(shown[-1]["seq"])) if more else None
    return AuditPage(items=items, next_cursor=next_cursor)


async def verify(query: VerifyAudit, at: Collaborators) -> AuditVerdict:
    """Follow the chain through the whole ledger, and compare the rows that lists show with it."""
    check_deployment_admin(query.caller)
    # What is recorded from now on is left for the next time, lest rows be missed that are on their way.
    newest = (await at.audit.rows.fetch(NEWEST))[0][0]
    until = await at.audit.store.head()
    position, chain, reading = 0, Verification(), Codec(CommandsAudited)
    while chain.broken_at is None and (batch := await at.audit.store.read_after(position, EVENTS_AT_ONCE)):
        position = batch[-1].position
        for recorded in batch:
            if recorded.topic in reading.topics and recorded.position <= until and chain.broken_at is None:
                await _follow(chain, recorded, reading, at)
        if position >= until:
            break
    chain.end()
    if chain.broken_at is None and newest > chain.head.seq:
        chain.break_at(chain.head.seq + 1)
    return AuditVerdict(
        entries=chain.head.seq, intact=chain.broken_at is None, broken_at=chain.broken_at, head=chain.head.hash
    )


async def _follow(chain: Verification, recorded: Recorded, reading: Codec, at: Collaborators) -> None:
    before = chain.head.seq
    event = _unchanged(recorded, reading)
    if event is None:
        chain.break_at(before + 1)
        return
    chain.follow(event)
    if event.entries and chain.broken_at is None:
        rows = await at.audit.rows.fetch(SHOWN, before + 1, chain.head.seq)
        wrong = _first_unlike(event, rows)
        if wrong is not None:
            chain.break_at(wrong)
    # A long log must not keep others waiting.
    await asyncio.sleep(0)


def _unchanged(recorded: Recorded, reading: Codec) -> CommandsAudited | None:
    """The batch in a row of the ledger; None when the row is not to the letter what is recorded for such a batch."""
    try:
        event = reading.decode(recorded)
    except UnreadableEvent:
        return None
    if not isinstance(event, CommandsAudited):
        return None
    exact = recorded.state == event.state() and recorded.metadata is None and recorded.event_id == event_id_of(event)
    return event if exact else None


def _first_unlike(event: CommandsAudited, rows: Iterable[asyncpg.Record]) -> int | None:
    shown = {row["seq"]: tuple(row) for row in rows}
    return next(
        (entry.seq for entry in event.entries if shown.get(entry.seq) != tuple(getattr(entry, c) for c in COLUMNS)),
        None,
    )


def _opened(row: Mapping[str, Any], sealer: Sealer | None) -> RecordedAudit:
    members = {name: row[name] for name in ("seq", "at", "action", "status", "refusal", "hash")}
    try:
        personal = None if sealer is None else from_json(sealer.open(row["sealed"], AUDIT_PLACE))
    except Unreadable:
        personal = None
    if personal is None:
        return RecordedAudit(**members, user_id=None, address="", target=None, erased=True)
    return RecordedAudit(**members, **personal, erased=False)


def _page(query: ListAudit, key_name: str | None) -> list[Any]:
    """The statement of one page and its arguments: only what is asked for stands in it, so that an index answers it."""
    conditions: list[str] = []
    arguments: list[Any] = [query.limit + 1]
    for condition, values in (
        ("(at, seq) < ({}, {})", None if query.cursor is None else _read_cursor(query.cursor)),
        ("key_name = {}", key_name and (key_name,)),
        ("at >= {}", query.since and (query.since,)),
        ("at < {}", query.until and (query.until,)),
    ):
        if values:
            places = (f"${len(arguments) + number}" for number, _ in enumerate(values, start=1))
            conditions.append(condition.format(*places))
            arguments += values
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return [f"{PAGE} {where} {NEWEST_FIRST}", *arguments]


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    moment, seq = decode_cursor(cursor, parts=2)
    try:
        at, number = datetime.fromisoformat(moment), int(seq)
    except ValueError as error:
        raise bad_cursor() from error
    if at.tzinfo is None or at.utcoffset() != timedelta(0) or not 0 <= number <= MAX_SEQ:
        raise bad_cursor()
    return at, number


QUERIES: Mapping[type[Request], Answerer] = {ListAudit: list_audit, VerifyAudit: verify}
