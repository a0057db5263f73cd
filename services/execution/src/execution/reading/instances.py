"""Rows to instances: one by id, always current; pages by what callers filter for."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.paging import bad_cursor, decode_cursor, encode_cursor
from chassis.projection_runner import ProjectionRunner
from contracts.execution import InstanceMetrics, InstancePage, InstanceView, ListInstances, RunError
from contracts.message import Caller, Event
from contracts.roles import teams_where
from contracts.steering import LineageView
from execution.domain.permissions import check_seen
from execution.driving.records import Records
from execution.families import telling as families
from execution.reading.views import instance_view

ANSWER_BYTES_MAX = 512 * 1024
"""What a page should weigh at most: a NATS server carries 1 MiB unless told otherwise."""

ROW = """
SELECT *, NOT EXISTS (
    SELECT FROM events
    WHERE originator_id = $1 AND originator_version > known.version AND topic IN ({topics})
) AS is_current
FROM workflow_instances AS known WHERE instance_id = $1 AND (user_id = $2 OR team_id = ANY($3::text[]))
"""
BRANCH = """
(SELECT * FROM workflow_instances WHERE {whose} {filters}
 ORDER BY created_at DESC, instance_id DESC LIMIT {limit})
"""
PAGE = "SELECT * FROM ({branches}) AS visible ORDER BY created_at DESC, instance_id DESC LIMIT {limit}"


class InstanceReader:
    """Answers from the read model where it is current, from the ledger where it is not."""

    def __init__(self, pool: asyncpg.Pool, records: Records, projected: ProjectionRunner) -> None:
        """`projected` keeps workflow_instances."""
        self.pool = pool
        self.records = records
        self.projected = projected
        self.row = row_statement(projected.projection.reads)

    async def find(self, instance_id: UUID, caller: Caller) -> InstanceView:
        """The instance as it is now; `Missing`, at the same price, when there is none or the caller may not see it."""
        row = await self.pool.fetchrow(self.row, instance_id, caller.user_id, teams_where(caller, "read"))
        if row is None:
            check_seen(await self.records.request(instance_id), instance_id, caller)
        elif row["is_current"]:
            return view_of(row)
        return instance_view(await self.records.load(instance_id))

    async def page(self, query: ListInstances) -> InstancePage:
        """One page, newest first, after the read model has caught up with the ledger of this moment."""
        await self.projected.caught_up()
        statement, values = page_statement(query)
        rows = await self.pool.fetch(statement, *values)
        shown = rows[: fitting(rows, query.limit)]
        more = len(rows) > len(shown)
        cursor = encode_cursor(shown[-1]["created_at"].isoformat(), str(shown[-1]["instance_id"])) if more else None
        return InstancePage(items=tuple(view_of(row) for row in shown), next_cursor=cursor)

    async def lineage(self, instance_id: UUID, caller: Caller) -> LineageView | None:
        """Parent and children, newest first, as far as the caller may see them; None when there is no instance."""
        await self.projected.caught_up()
        return await families.lineage(self.pool, instance_id, caller)


def row_statement(moved_by: Iterable[type[Event]]) -> str:
    """The SQL of one row, current unless one of these facts has not reached it.

    Their names stand in the text: to send twenty of them each time costs more than to find the row.
    """
    return ROW.format(topics=", ".join(f"'{event_type.topic()}'" for event_type in moved_by))


def page_statement(query: ListInstances) -> tuple[str, list[Any]]:
    """The SQL of a page and its values: one indexed branch for the caller's own, one for each team."""
    values: list[Any] = []

    def value(given: Any) -> str:
        values.append(given)
        return f"${len(values)}"

    conditions = [
        f"{column} {operator} {value(given)}"
        for column, operator, given in (
            ("status", "=", query.status),
            ("blueprint_id", "=", query.blueprint_id),
            ("conversation_id", "=", query.conversation_id),
            ("created_at", ">=", query.since),
            ("created_at", "<", query.until),
        )
        if given is not None
    ]
    if query.cursor is not None:
        created_at, instance_id = cursor_key(query.cursor)
        conditions.append(f"(created_at, instance_id) < ({value(created_at)}, {value(instance_id)})")
    filters = "".join(f" AND {condition}" for condition in conditions)
    limit = value(query.limit + 1)
    own = value(query.caller.user_id)
    teams = teams_where(query.caller, "read")
    whose = [f"user_id = {own}", *(f"team_id = {value(team)} AND user_id <> {own}" for team in teams)]
    branches = " UNION ALL ".join(BRANCH.format(whose=branch, filters=filters, limit=limit) for branch in whose)
    return PAGE.format(branches=branches, limit=limit), values


def fitting(rows: Sequence[asyncpg.Record], limit: int) -> int:
    """How many rows, one at least and `limit` at most, fit into one answer."""
    size = 0
    for count, row in enumerate(rows[:limit]):
        size += sum(len(row[column] or "") for column in ("input", "output", "metadata"))
        if size > ANSWER_BYTES_MAX and count:
            return count
    return min(len(rows), limit)


def cursor_key(cursor: str) -> tuple[datetime, UUID]:
    """The sort key that a cursor carries."""
    created_at, instance_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(created_at), UUID(instance_id)
    except ValueError as error:
        raise bad_cursor() from error


def view_of(row: asyncpg.Record) -> InstanceView:
    """A row as callers see it."""
    error = None
    if row["error_type"] is not None:
        error = RunError(
            type=row["error_type"], code=row["error_code"], message=row["error_message"], node_id=row["error_node_id"]
        )
    return InstanceView(
        id=row["instance_id"],
        blueprint_id=row["blueprint_id"],
        blueprint_version=row["blueprint_version"],
        status=row["status"],
        input=parsed(row["input"]),
        output=parsed(row["output"]),
        error=error,
        user_id=row["user_id"],
        conversation_id=row["conversation_id"],
        metadata=parsed(row["metadata"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        metrics=metrics_of(row),
    )


FIGURES: Sequence[str] = (
    "execution_time_ms",
    "queue_time_ms",
    "nodes_executed",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "tool_calls",
    "errors",
    "retries",
    "cache_hits",
)


def metrics_of(row: asyncpg.Record) -> InstanceMetrics:
    """What the run took; running totals of a living run are not in the row."""
    return InstanceMetrics(
        **{name: row[name] for name in FIGURES},
        tokens_used=row["prompt_tokens"] + row["completion_tokens"],
        node_execution_times=dict(zip(row["timed_nodes"], row["node_times_ms"], strict=True)),
    )


def parsed(text: str | None) -> Any:
    """The value of a json column."""
    return None if text is None else orjson.loads(text)
