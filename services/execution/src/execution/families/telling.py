"""Parents and children in the read model: whose they are, and who has not heard of whom whatever message was lost."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from chassis.ids import plain_id
from contracts.message import Caller
from contracts.roles import teams_where
from contracts.steering import LineageView, RelativeView
from execution.domain.permissions import visible_to

CHILDREN_MAX = 1_000
"""Children that one answer lists, the newest first."""
GRACE_SECONDS = 1.0
"""What the news of an end gets to arrive by itself."""

INSTANCE = "SELECT * FROM workflow_instances WHERE instance_id = $1"
CHILDREN = """
SELECT * FROM workflow_instances
WHERE parent_id = $1 AND (user_id = $2 OR team_id = ANY($3::text[]))
ORDER BY created_at DESC, instance_id DESC LIMIT $4
"""
UNTOLD = """
SELECT child.instance_id, child.parent_id FROM workflow_instances AS child
WHERE child.parent_id IS NOT NULL AND NOT child.detached AND NOT child.parent_told
  AND child.completed_at <= now() - make_interval(secs => $1)
  AND child.completed_at >= now() - make_interval(secs => $2)
  AND (SELECT parent.completed_at IS NULL FROM workflow_instances AS parent
       WHERE parent.instance_id = child.parent_id)
ORDER BY child.completed_at, child.instance_id LIMIT $3
"""
LEFT_BEHIND = """
SELECT child.instance_id, child.parent_id FROM workflow_instances AS child
WHERE child.parent_id IS NOT NULL AND child.completed_at IS NULL AND NOT child.detached
  AND child.instance_id <> ALL($3::uuid[])
  AND (SELECT parent.completed_at <= now() - make_interval(secs => $1) FROM workflow_instances AS parent
       WHERE parent.instance_id = child.parent_id)
ORDER BY child.instance_id LIMIT $2
"""
"""Each walks a partial index that holds its suspects alone, and looks at the parent of each."""


class Kin(NamedTuple):
    """A child and its parent."""

    child_id: UUID
    parent_id: UUID


async def lineage(pool: asyncpg.Pool, instance_id: UUID, caller: Caller) -> LineageView | None:
    """Parent and children as far as the caller may see them; None when the instance is not there or not visible."""
    row = await pool.fetchrow(INSTANCE, instance_id)
    if not seen_by(caller, row):
        return None
    parent = await pool.fetchrow(INSTANCE, row["parent_id"])
    children = await pool.fetch(CHILDREN, instance_id, caller.user_id, teams_where(caller, "read"), CHILDREN_MAX)
    return LineageView(
        instance_id=instance_id,
        root_id=row["root_id"] or row["instance_id"],
        parent=relative_of(parent) if seen_by(caller, parent) else None,
        children=tuple(relative_of(child) for child in children),
    )


def seen_by(caller: Caller, row: asyncpg.Record | None) -> bool:
    """Whether there is such an instance for the caller."""
    return row is not None and visible_to(caller, row["user_id"], row["team_id"])


def relative_of(row: asyncpg.Record) -> RelativeView:
    """A row as its relatives see it."""
    return RelativeView(
        instance_id=row["instance_id"],
        blueprint_id=row["blueprint_id"],
        blueprint_version=row["blueprint_version"],
        status=row["status"],
        node_id=row["parent_node_id"],
    )


async def untold(pool: asyncpg.Pool, within_seconds: float, limit: int) -> Sequence[Kin]:
    """Children that have ended within that time and whose living parent has not recorded it, the earliest first."""
    rows = await pool.fetch(UNTOLD, GRACE_SECONDS, within_seconds, limit)
    return [kin_of(row) for row in rows]


async def left_behind(pool: asyncpg.Pool, limit: int, besides: Sequence[UUID] = ()) -> Sequence[Kin]:
    """Children, `besides` these, that go on although the parent they were started for has ended; detached ones may."""
    return [kin_of(row) for row in await pool.fetch(LEFT_BEHIND, GRACE_SECONDS, limit, besides)]


def kin_of(row: asyncpg.Record) -> Kin:
    """The two ids of a row."""
    return Kin(plain_id(row["instance_id"]), plain_id(row["parent_id"]))
