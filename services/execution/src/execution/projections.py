"""Events to rows: workflow_instances from our own facts, known_versions from blueprint's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.projection import Fact
from contracts import instance_events as facts
from contracts.blueprint import BlueprintVersionRecorded
from contracts.workflow import WorkflowGraph
from execution.known import version_definition

INSERT = """
INSERT INTO workflow_instances (
    instance_id, version, blueprint_id, blueprint_version, user_id, team_id, status, input, metadata,
    conversation_id, created_at, worker_id
)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::json[], $9::json[],
    $10::text[], $11::timestamptz[], $12::uuid[]
)
ON CONFLICT (instance_id) DO NOTHING
"""
MOVE = """
UPDATE workflow_instances AS known SET
    version = moved.version,
    status = CASE WHEN moved.resting THEN 'waiting'
                  WHEN coalesce(known.started_at, moved.started_at) IS NULL THEN 'pending'
                  ELSE 'running' END,
    worker_id = CASE WHEN moved.resting THEN NULL ELSE coalesce(moved.worker_id, known.worker_id) END,
    resumes_at = CASE WHEN moved.resting THEN moved.resumes_at END,
    started_at = coalesce(known.started_at, moved.started_at)
FROM unnest($1::uuid[], $2::bigint[], $3::bool[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
    AS moved(instance_id, version, resting, worker_id, resumes_at, started_at)
WHERE known.instance_id = moved.instance_id
"""
END = """
UPDATE workflow_instances AS known SET
    version = ended.version, status = ended.status, worker_id = NULL, resumes_at = NULL,
    started_at = coalesce(known.started_at, ended.started_at), completed_at = ended.completed_at,
    output = ended.output, error_type = ended.error_type, error_code = ended.error_code,
    error_message = ended.error_message, error_node_id = ended.error_node_id,
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
KNOW = """
INSERT INTO known_versions (blueprint_id, version, definition)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[]) ON CONFLICT (blueprint_id, version) DO NOTHING
"""


@dataclass(slots=True)
class Movement:
    """What a batch says of one living instance: the last word on each column."""

    version: int = 0
    resting: bool = False
    worker_id: UUID | None = None
    resumes_at: datetime | None = None
    started_at: datetime | None = None

    def hear(self, event: facts.InstanceEvent) -> None:
        """Fold one fact; most facts move nothing but the version."""
        self.version = event.originator_version
        match event:
            case facts.InstanceStarted():
                self.started_at = event.timestamp
            case facts.InstanceClaimed():
                self.resting, self.worker_id = False, event.worker_id
            case facts.InstanceSuspended():
                self.resting, self.worker_id, self.resumes_at = True, None, event.due_at
            case _:
                pass


class Instances:
    """workflow_instances: three statements for a batch, whatever its size."""

    name = "instances"
    source = "execution"
    tables = ("workflow_instances",)

    async def apply(self, batch: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Insert what is new, move what lives, end what ended."""
        requested: list[facts.InstanceRequested] = []
        moved: dict[UUID, Movement] = {}
        ended: list[facts.InstanceEnded] = []
        for event in (fact.event for fact in batch):
            match event:
                case facts.IdempotencyKeyTaken():
                    continue
                case facts.InstanceRequested():
                    requested.append(event)
                case facts.InstanceEnded():
                    ended.append(event)
                case facts.InstanceEvent():
                    moved.setdefault(event.originator_id, Movement()).hear(event)
        if requested:
            await rows.execute(INSERT, *columns([requested_row(event) for event in requested]))
        if moved:
            await rows.execute(MOVE, *columns([moved_row(key, movement) for key, movement in moved.items()]))
        if ended:
            await rows.execute(END, *columns([ended_row(event, moved) for event in ended]))


class KnownVersions:
    """known_versions: what blueprint says each version consists of."""

    name = "known_versions"
    source = "blueprint"
    tables = ("known_versions",)

    async def apply(self, batch: Sequence[Fact], rows: asyncpg.Connection) -> None:
        """Keep every version; they never change."""
        versions = [fact.event for fact in batch if isinstance(fact.event, BlueprintVersionRecorded)]
        if versions:
            await rows.execute(KNOW, *columns([version_row(event) for event in versions]))


def requested_row(event: facts.InstanceRequested) -> tuple[Any, ...]:
    """The row of a new instance."""
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
    )


def moved_row(instance_id: UUID, movement: Movement) -> tuple[Any, ...]:
    """Where a living instance is."""
    return (
        instance_id,
        movement.version,
        movement.resting,
        movement.worker_id,
        movement.resumes_at,
        movement.started_at,
    )


def ended_row(event: facts.InstanceEnded, moved: dict[UUID, Movement]) -> tuple[Any, ...]:
    """How an instance ended and what it took."""
    error = event.error if isinstance(event, facts.InstanceFailed) else None
    output = event.output if isinstance(event, facts.InstanceCompleted) else None
    figures = event.figures
    movement = moved.get(event.originator_id)
    return (
        event.originator_id,
        event.originator_version,
        facts.ENDINGS[type(event)],
        movement.started_at if movement else None,
        event.timestamp,
        as_json(output),
        *((error.type, error.code, error.message, error.node_id) if error else (None, None, None, None)),
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


def as_json(value: Any) -> str:
    """The value as text for a json column."""
    return orjson.dumps(value).decode()


def array_of(elements: Iterable[str]) -> str:
    """An array as Postgres writes it: one value in a row, though `unnest` takes no arrays of arrays."""
    return "{" + ",".join(elements) + "}"


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as one array for each column, the form that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
