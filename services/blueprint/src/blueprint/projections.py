"""Events to rows: blueprints, their versions with nodes, edges and tags, in a handful of statements per batch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import asyncpg
from pydantic_core import to_json

from blueprint.version_rows import Row, edge_rows, node_rows, tag_rows, version_row
from chassis.projection import Fact
from contracts.blueprint import (
    BLUEPRINT_EVENTS,
    BlueprintArchived,
    BlueprintCreated,
    BlueprintShared,
    BlueprintUpdated,
    BlueprintVersionRecorded,
)

INSERT_BLUEPRINTS = """
INSERT INTO workflow_blueprints SELECT * FROM json_populate_recordset(NULL::workflow_blueprints, $1::json)
"""
INSERT_VERSIONS = """
INSERT INTO workflow_blueprint_versions
SELECT * FROM json_populate_recordset(NULL::workflow_blueprint_versions, $1::json)
"""
INSERT_NODES = "INSERT INTO workflow_nodes SELECT * FROM json_populate_recordset(NULL::workflow_nodes, $1::json)"
INSERT_EDGES = "INSERT INTO workflow_edges SELECT * FROM json_populate_recordset(NULL::workflow_edges, $1::json)"
INSERT_TAGS = "INSERT INTO blueprint_tags SELECT * FROM json_populate_recordset(NULL::blueprint_tags, $1::json)"

REVISE = """
UPDATE workflow_blueprints AS kept
SET version = new.version, is_template = new.is_template, search_text = new.search_text
FROM json_populate_recordset(NULL::workflow_blueprints, $1::json) AS new
WHERE kept.blueprint_id = new.blueprint_id
"""
SHARE = """
UPDATE workflow_blueprints AS kept
SET visibility = new.visibility, team_id = new.team_id
FROM json_populate_recordset(NULL::workflow_blueprints, $1::json) AS new
WHERE kept.blueprint_id = new.blueprint_id
"""
ARCHIVE = """
UPDATE workflow_blueprints AS kept
SET archived_at = new.archived_at
FROM json_populate_recordset(NULL::workflow_blueprints, $1::json) AS new
WHERE kept.blueprint_id = new.blueprint_id
"""
COUNT_CLONES = """
UPDATE workflow_blueprints AS kept
SET clone_count = kept.clone_count + new.clone_count
FROM json_populate_recordset(NULL::workflow_blueprints, $1::json) AS new
WHERE kept.blueprint_id = new.blueprint_id
"""

MAX_STATEMENT_BYTES = 8 * 1024 * 1024
"""Rows that make one statement, as JSON; more rows make more statements."""


class BlueprintsProjection:
    """The read model of this service's own ledger.

    Statements of one batch may be reordered by kind: a blueprint's insert comes before its changes, changes of
    different kinds touch different columns, and of one kind only the last in the batch is written.
    """

    name = "blueprints"
    source = "blueprint"
    reads = BLUEPRINT_EVENTS
    tables = (
        "workflow_blueprints",
        "workflow_blueprint_versions",
        "workflow_nodes",
        "workflow_edges",
        "blueprint_tags",
    )

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Write what the facts change; one statement per kind of row, unless the batch is huge."""
        events = [fact.event for fact in facts]
        created = [event for event in events if isinstance(event, BlueprintCreated)]
        updated = [event for event in events if isinstance(event, BlueprintUpdated)]
        shared = [event for event in events if isinstance(event, BlueprintShared)]
        archived = [event for event in events if isinstance(event, BlueprintArchived)]
        versions: list[BlueprintVersionRecorded] = [*created, *updated]

        await _write(rows, INSERT_BLUEPRINTS, map(_blueprint_row, created))
        await _write(rows, INSERT_VERSIONS, map(version_row, versions))
        await _write(rows, INSERT_NODES, (row for version in versions for row in node_rows(version)))
        await _write(rows, INSERT_EDGES, (row for version in versions for row in edge_rows(version)))
        await _write(rows, INSERT_TAGS, (row for version in versions for row in tag_rows(version)))
        await _write(rows, REVISE, _last(map(_latest_version, updated)))
        await _write(rows, SHARE, _last(map(_sharing, shared)))
        await _write(rows, ARCHIVE, _last(map(_archival, archived)))
        await _write(rows, COUNT_CLONES, _clones(created))


async def _write(rows: asyncpg.Connection, statement: str, content: Iterable[Row]) -> None:
    for document in _documents(content):
        await rows.execute(statement, document)


def _documents(content: Iterable[Row]) -> Iterator[str]:
    """The rows as JSON arrays, each of a bounded size; none when there are no rows."""
    gathered: list[bytes] = []
    size = 0
    for row in content:
        text = to_json(row)
        if gathered and size + len(text) > MAX_STATEMENT_BYTES:
            yield _array(gathered)
            gathered, size = [], 0
        gathered.append(text)
        size += len(text)
    if gathered:
        yield _array(gathered)


def _array(texts: Iterable[bytes]) -> str:
    return (b"[" + b",".join(texts) + b"]").decode()


def _last(changes: Iterable[Row]) -> Iterable[Row]:
    return {change["blueprint_id"]: change for change in changes}.values()


def _blueprint_row(event: BlueprintCreated) -> Row:
    return {
        **_latest_version(event),
        "owner_id": event.owner_id,
        "team_id": event.team_id,
        "visibility": event.visibility,
        "parent_id": event.parent_id,
        "clone_count": 0,
        "created_at": event.timestamp,
    }


def _latest_version(event: BlueprintVersionRecorded) -> Row:
    return {
        "blueprint_id": event.originator_id,
        "version": event.version,
        "is_template": event.is_template,
        "search_text": "\n".join((event.name, event.description, *event.tags)).lower(),
    }


def _sharing(event: BlueprintShared) -> Row:
    return {"blueprint_id": event.originator_id, "visibility": event.visibility, "team_id": event.team_id}


def _archival(event: BlueprintArchived) -> Row:
    return {"blueprint_id": event.originator_id, "archived_at": event.timestamp}


def _clones(created: Iterable[BlueprintCreated]) -> Iterable[Row]:
    counts = Counter(event.parent_id for event in created if event.parent_id is not None)
    return [{"blueprint_id": parent_id, "clone_count": count} for parent_id, count in counts.items()]
