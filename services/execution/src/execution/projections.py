"""Events to rows: workflow_instances from our own facts, known_versions and known_blueprints from blueprint's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.postgres import array_of
from chassis.projection import Fact
from contracts import instance_events as facts
from contracts.blueprint import BLUEPRINT_EVENTS, BlueprintEvent, BlueprintVersionRecorded
from contracts.message import Event
from contracts.workflow import WorkflowGraph
from execution.driving.known import version_definition
from execution.families.standings import Change, changes_in
from execution.reading.movements import FOLDS, Movement, told_error

NO_PARENT = (None, None, None, False)

INSERT = """
INSERT INTO workflow_instances (
    instance_id, version, blueprint_id, blueprint_version, user_id, team_id, status, input, metadata,
    conversation_id, created_at, worker_id, parent_id, parent_node_id, root_id, detached
)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::json[], $9::json[],
    $10::text[], $11::timestamptz[], $12::uuid[], $13::uuid[], $14::text[], $15::uuid[], $16::bool[]
)
ON CONFLICT (instance_id) DO NOTHING
"""
REOPEN = """
UPDATE workflow_instances AS known SET
    status = 'waiting', worker_id = NULL, resumes_at = retried.at, completed_at = NULL, output = NULL,
    error_type = NULL, error_code = NULL, error_message = NULL, error_node_id = NULL, stopped_by = NULL,
    execution_time_ms = DEFAULT, queue_time_ms = DEFAULT, nodes_executed = DEFAULT, prompt_tokens = DEFAULT,
    completion_tokens = DEFAULT, cost = DEFAULT, tool_calls = DEFAULT, errors = DEFAULT, retries = DEFAULT,
    cache_hits = DEFAULT, timed_nodes = DEFAULT, node_times_ms = DEFAULT
FROM unnest($1::uuid[], $2::timestamptz[]) AS retried(instance_id, at)
WHERE known.instance_id = retried.instance_id AND known.completed_at IS NOT NULL
"""
MOVE = """
UPDATE workflow_instances AS known SET
    version = moved.version,
    status = CASE WHEN moved.state IN ('waiting', 'paused') THEN moved.state
                  WHEN moved.state IS NULL AND moved.started_at IS NULL THEN known.status
                  WHEN coalesce(known.started_at, moved.started_at) IS NULL THEN 'pending'
                  ELSE 'running' END,
    worker_id = CASE WHEN moved.state IS NULL THEN known.worker_id ELSE moved.worker_id END,
    resumes_at = CASE WHEN moved.state IS NULL THEN known.resumes_at ELSE moved.resumes_at END,
    started_at = coalesce(known.started_at, moved.started_at)
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
    AS moved(instance_id, version, state, worker_id, resumes_at, started_at)
WHERE known.instance_id = moved.instance_id
"""
STIR = """
UPDATE workflow_instances AS known SET
    status = CASE WHEN stirred.resumed THEN 'waiting' ELSE known.status END,
    resumes_at = least(known.resumes_at, CASE known.status WHEN 'paused' THEN stirred.roused_at ELSE stirred.at END)
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bool[])
    AS stirred(instance_id, at, roused_at, resumed)
WHERE known.instance_id = stirred.instance_id AND known.status IN ('waiting', 'paused')
"""
END = """
UPDATE workflow_instances AS known SET
    version = ended.version, status = ended.status, worker_id = NULL, resumes_at = NULL,
    started_at = coalesce(known.started_at, ended.started_at), completed_at = ended.completed_at,
    output = ended.output, error_type = ended.error_type, error_code = ended.error_code, error_message = CASE
        WHEN ended.error_message IS NULL AND ended.error_type = 'cancelled'
        THEN initcap(ended.status) || ' by ' || coalesce(known.stopped_by, 'a caller') || '.'
        ELSE ended.error_message END,
    error_node_id = ended.error_node_id,
    execution_time_ms = ended.execution_time_ms, queue_time_ms = ended.queue_time_ms,
    nodes_executed = ended.nodes_executed, prompt_tokens = ended.prompt_tokens,
    completion_tokens = ended.completion_tokens, cost = ended.cost, tool_calls = ended.tool_calls,
    errors = ended.errors, retries = ended.retries, cache_hits = ended.cache_hits,
    timed_nodes = ended.timed_nodes::text[], node_times_ms = ended.node_times_ms::double precision[]
FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::json[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::float8[], $12::float8[], $13::int[], $14::bigint[], $15::bigint[], $16::numeric[],
    $17::int[], $18::int[], $19::int[], $20::int[], $21::text[], $22::text[]
) AS ended(
    instance_id, version, status, started_at, completed_at, output, error_type, error_code,
    error_message, error_node_id, execution_time_ms, queue_time_ms, nodes_executed, prompt_tokens, completion_tokens,
    cost, tool_calls, errors, retries, cache_hits, timed_nodes, node_times_ms
)
WHERE known.instance_id = ended.instance_id
"""
STOP = """
UPDATE workflow_instances AS known SET stopped_by = said.stopped_by
FROM unnest($1::uuid[], $2::text[]) AS said(instance_id, stopped_by)
WHERE known.instance_id = said.instance_id AND known.completed_at IS NULL
"""
ERASE = """
UPDATE workflow_instances SET
    erased = true, input = 'null', output = 'null', metadata = '{}', conversation_id = NULL,
    error_message = CASE WHEN error_message IS NULL THEN NULL ELSE 'Erased.' END
WHERE instance_id = ANY($1::uuid[])
"""
TELL = "UPDATE workflow_instances SET parent_told = true WHERE instance_id = ANY($1::uuid[])"
KNOW = """
INSERT INTO known_versions (blueprint_id, version, definition)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[]) ON CONFLICT (blueprint_id, version) DO NOTHING
"""
MEET = """
INSERT INTO known_blueprints (blueprint_id, latest_version, owner_id, team_id, visibility, archived)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[])
ON CONFLICT (blueprint_id) DO NOTHING
"""
HEAR = """
UPDATE known_blueprints AS known SET
    latest_version = coalesce(said.latest_version, known.latest_version),
    team_id = CASE WHEN said.visibility IS NULL THEN known.team_id ELSE said.team_id END,
    visibility = coalesce(said.visibility, known.visibility),
    archived = known.archived OR said.archived
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bool[])
    AS said(blueprint_id, latest_version, team_id, visibility, archived)
WHERE known.blueprint_id = said.blueprint_id
"""


class Instances:
    """workflow_instances: three statements for a batch, whatever its size, and three more for what is rare."""

    name = "instances"
    source = "execution"
    reads: tuple[type[Event], ...] = (facts.InstanceRequested, facts.ChildEnded, *FOLDS)
    tables = ("workflow_instances",)

    async def apply(self, batch: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Insert what is new, move what lives, end what ended; in between, what goes on after a rest or an end."""
        requested: list[facts.InstanceRequested] = []
        moved: dict[UUID, Movement] = {}
        told: list[UUID] = []
        for event in (fact.event for fact in batch):
            if not isinstance(event, facts.InstanceEvent):
                continue
            if isinstance(event, facts.InstanceRequested):
                requested.append(event)
                continue
            if isinstance(event, facts.ChildEnded):
                told.append(event.child_id)
            moved.setdefault(event.originator_id, Movement()).hear(event)
        await write(rows, INSERT, map(requested_row, requested))
        await write(rows, REOPEN, retried_rows(moved))
        await write(rows, MOVE, moved_rows(moved))
        await write(rows, STIR, stirred_rows(moved))
        await write(rows, STOP, stopped_rows(moved))
        await write(rows, END, ended_rows(moved))
        if erased := [instance_id for instance_id, movement in moved.items() if movement.erased]:
            await rows.execute(ERASE, erased)
        if told:
            await rows.execute(TELL, told)


async def write(rows: asyncpg.Connection, statement: str, written: Iterable[tuple[Any, ...]]) -> None:
    """Run a statement over all rows at once; nothing costs nothing."""
    values = [list(column) for column in zip(*written, strict=True)]
    if values:
        await rows.execute(statement, *values)


class KnownVersions:
    """What blueprint says: known_versions, what each consists of, and known_blueprints, who may run which."""

    name = "known_versions"
    source = "blueprint"
    reads = BLUEPRINT_EVENTS
    tables = ("known_versions", "known_blueprints")

    async def apply(self, batch: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Keep every version, for they never change, and the last word on each blueprint."""
        events = [fact.event for fact in batch if isinstance(fact.event, BlueprintEvent)]
        changes = changes_in(events)
        await write(rows, KNOW, (version_row(event) for event in events if isinstance(event, BlueprintVersionRecorded)))
        await write(rows, MEET, met_rows(changes))
        await write(rows, HEAR, heard_rows(changes))


def requested_row(event: facts.InstanceRequested) -> tuple[Any, ...]:
    """The row of a new instance."""
    parent = event.parent
    return (
        event.originator_id,
        event.originator_version,
        event.blueprint_id,
        event.blueprint_version,
        event.user_id,
        event.team_id,
        "pending",
        as_json(event.input),
        as_json(event.metadata),
        event.conversation_id,
        event.timestamp,
        event.worker_id,
        *((parent.instance_id, parent.node_id, parent.root_id, parent.detached) if parent else NO_PARENT),
    )


def moved_rows(moved: Mapping[UUID, Movement]) -> Iterator[tuple[Any, ...]]:
    """Where each living instance is."""
    for instance_id, movement in moved.items():
        if movement.ending is None:
            yield (
                instance_id,
                movement.version,
                movement.state,
                movement.worker_id,
                movement.resumes_at,
                movement.started_at,
            )


def retried_rows(moved: Mapping[UUID, Movement]) -> Iterator[tuple[Any, ...]]:
    """What goes on again, if it had ended."""
    for instance_id, movement in moved.items():
        if movement.retried_at is not None:
            yield instance_id, movement.retried_at


def stirred_rows(moved: Mapping[UUID, Movement]) -> Iterator[tuple[Any, ...]]:
    """What heard from outside, if it rests."""
    for instance_id, movement in moved.items():
        if movement.stirred_at is not None:
            yield instance_id, movement.stirred_at, movement.roused_at, movement.resumed


def stopped_rows(moved: Mapping[UUID, Movement]) -> Iterator[tuple[Any, ...]]:
    """What somebody wants to end."""
    for instance_id, movement in moved.items():
        if movement.stop_told:
            yield instance_id, movement.stopped_by


def ended_rows(moved: Mapping[UUID, Movement]) -> Iterator[tuple[Any, ...]]:
    """What has ended."""
    for movement in moved.values():
        if movement.ending is not None:
            yield ended_row(movement.ending, movement)


def ended_row(event: facts.InstanceEnded, movement: Movement) -> tuple[Any, ...]:
    """How an instance ended and what it took."""
    output = event.output if isinstance(event, facts.InstanceCompleted) else None
    figures = event.figures
    return (
        event.originator_id,
        movement.version,
        facts.ENDINGS[type(event)],
        movement.started_at,
        event.timestamp,
        as_json(output),
        *told_error(event),
        figures.execution_time_ms,
        figures.queue_time_ms,
        figures.nodes_executed,
        figures.prompt_tokens,
        figures.completion_tokens,
        figures.cost,
        figures.tool_calls,
        figures.errors,
        figures.retries,
        figures.cache_hits,
        array_of(f'"{node_id}"' for node_id in figures.node_execution_times),
        array_of(map(repr, figures.node_execution_times.values())),
    )


def version_row(event: BlueprintVersionRecorded) -> tuple[Any, ...]:
    """One version of a blueprint, as execution keeps it."""
    graph = WorkflowGraph(nodes=event.nodes, edges=event.edges)
    return event.originator_id, event.version, version_definition(graph, event.config)


def met_rows(changes: Mapping[UUID, Change]) -> Iterator[tuple[Any, ...]]:
    """The blueprints that are new."""
    for blueprint_id, said in changes.items():
        if said.owner_id is not None:
            yield blueprint_id, said.latest_version, said.owner_id, said.team_id, said.visibility, said.archived


def heard_rows(changes: Mapping[UUID, Change]) -> Iterator[tuple[Any, ...]]:
    """What is said of blueprints that were known before."""
    for blueprint_id, said in changes.items():
        if said.owner_id is None:
            yield blueprint_id, said.latest_version, said.team_id, said.visibility, said.archived


def as_json(value: Any) -> str:
    """The value as text for a json column."""
    return orjson.dumps(value).decode()
