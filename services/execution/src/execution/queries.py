"""Rows and facts to views: an instance, lists of them, a log, the lines of a stream."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from chassis.answering import Answerer
from chassis.paging import bad_cursor, decode_cursor, encode_cursor
from contracts.execution import (
    FollowInstance,
    GetInstance,
    GetInstanceLogs,
    InstancePage,
    InstanceView,
    ListInstances,
    LogPage,
    StreamLines,
)
from contracts.instance_events import InstanceEnded, InstanceEvent, InstanceRetried
from contracts.message import Caller, Request, View
from contracts.steering import GetLineage, GetWaits, LineageView, WaitsView
from execution.domain.permissions import check_seen, not_found, visible_to
from execution.handlers import Collaborators
from execution.reading.instances import ANSWER_BYTES_MAX
from execution.reading.logs import log_entry, stream_line
from execution.steering.approving import was_asked
from execution.steering.waits_view import waits_view

LINES_MAX = 500
"""Stream lines in one answer."""
V = TypeVar("V", bound=View)


async def get_instance(query: GetInstance, at: Collaborators) -> InstanceView:
    """One instance as it is now."""
    return await at.reader.find(query.instance_id, query.caller)


async def get_lineage(query: GetLineage, at: Collaborators) -> LineageView:
    """Where an instance comes from, and what it started."""
    found = await at.reader.lineage(query.instance_id, query.caller)
    if found is None:
        raise not_found(query.instance_id)
    return found


async def get_waits(query: GetWaits, at: Collaborators) -> WaitsView:
    """What an instance waits for; who is only asked to decide something sees only that."""
    request = await at.records.request(query.instance_id)
    sees = request is not None and visible_to(query.caller, request.user_id, request.team_id)
    if not sees and not was_asked(await at.records.waits_begun(query.instance_id), query.caller):
        raise not_found(query.instance_id)
    found = waits_view(await at.records.load(query.instance_id), query.caller)
    if found is None:
        raise not_found(query.instance_id)
    return found.model_copy(update={"items": fitting(found.items)})


async def list_instances(query: ListInstances, at: Collaborators) -> InstancePage:
    """The caller's own and the caller's teams', newest first."""
    return await at.reader.page(query)


async def get_instance_logs(query: GetInstanceLogs, at: Collaborators) -> LogPage:
    """A page of the log, oldest first, straight from the facts."""
    after = max(query.after, cursor_seq(query.cursor))
    entries = map(log_entry, await visible_history(query.instance_id, query.caller, at, after))
    wanted = [entry for entry in entries if query.level in (None, entry.level)]
    shown = fitting(wanted[: query.limit])
    more = len(wanted) > len(shown)
    return LogPage(items=shown, next_cursor=encode_cursor(str(shown[-1].seq)) if more else None)


async def follow_instance(query: FollowInstance, at: Collaborators) -> StreamLines:
    """What a stream missed: the recorded lines after a sequence number, as many as one answer carries."""
    missed = await visible_history(query.instance_id, query.caller, at, query.after, LINES_MAX + 1)
    if not missed:
        return StreamLines(items=(), ended=(await at.records.load(query.instance_id)).ended)
    lines = fitting([stream_line(event) for event in missed[:LINES_MAX]])
    return StreamLines(items=lines, ended=len(lines) == len(missed) and ends_with(missed))


def ends_with(history: Sequence[InstanceEvent]) -> bool:
    """Whether the facts end the run for good: a failed one that was retried goes on."""
    last = next((event for event in reversed(history) if isinstance(event, InstanceEnded | InstanceRetried)), None)
    return isinstance(last, InstanceEnded)


async def visible_history(
    instance_id: UUID, caller: Caller, at: Collaborators, after: int, limit: int | None = None
) -> list[InstanceEvent]:
    """The facts after a sequence number of an instance that the caller may see."""
    check_seen(await at.records.request(instance_id), instance_id, caller)
    return await at.records.history(instance_id, after, limit)


def fitting(views: Sequence[V]) -> tuple[V, ...]:
    """The first of the views, one at least, that together fit into one answer."""
    size = 0
    for count, view in enumerate(views):
        size += len(view.model_dump_json())
        if size > ANSWER_BYTES_MAX and count:
            return tuple(views[:count])
    return tuple(views)


def cursor_seq(cursor: str | None) -> int:
    """The last sequence number of the page before."""
    if cursor is None:
        return 0
    (seq,) = decode_cursor(cursor, 1)
    if not seq.isdecimal():
        raise bad_cursor()
    return int(seq)


QUERIES: Mapping[type[Request], Answerer] = {
    GetInstance: get_instance,
    ListInstances: list_instances,
    GetInstanceLogs: get_instance_logs,
    FollowInstance: follow_instance,
    GetLineage: get_lineage,
    GetWaits: get_waits,
}
"""What the service answers."""
