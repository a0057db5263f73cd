"""Facts to rows: one row per ended execution, its sums over stretches of time, and what blueprints are called."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from asyncpg import Connection, Record

from chassis.projection import Fact
from contracts.blueprint import BlueprintVersionRecorded
from contracts.execution import RunFigures
from contracts.instance_events import ENDINGS, InstanceEnded
from metrics.domain import Histogram, Rollup, Span, Tally, exact_ms

EVERYONE = ""
"""The audience whose rollups count the runs of all users; any other audience is a user id."""
ROWS_PER_STATEMENT = 5_000
"""Rows read or written at once, so that no statement comes near its time limit."""

SUMS = (
    "first_at",
    "last_at",
    "completed",
    "failed",
    "cancelled",
    "duration_ms",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "retries",
    "cache_hits",
)
"""The columns of a rollup that a tally has under the same name."""

ExecutionKey = tuple[str, UUID, Span, datetime]
NodeKey = tuple[UUID, Span, datetime, str]

INSERT_EXECUTION = """
INSERT INTO execution_metrics (
    instance_id, blueprint_id, blueprint_version, user_id, team_id, status, ended_at, execution_time_ms, queue_time_ms,
    nodes_executed, prompt_tokens, completion_tokens, cost, tool_calls, errors, retries, cache_hits,
    node_ids, node_execution_times
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (instance_id) DO NOTHING
RETURNING instance_id
"""

READ_EXECUTION_ROLLUPS = """
SELECT audience, blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled, duration_ms,
       prompt_tokens, completion_tokens, cost, retries, cache_hits, first_bucket, bucket_counts
FROM execution_rollups
JOIN unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[]) AS wanted (audience, blueprint_id, span, starts_at)
USING (audience, blueprint_id, span, starts_at)
"""

WRITE_EXECUTION_ROLLUPS = """
INSERT INTO execution_rollups (
    audience, blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled, duration_ms,
    prompt_tokens, completion_tokens, cost, retries, cache_hits, first_bucket, bucket_counts
)
SELECT audience, blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled, duration_ms,
       prompt_tokens, completion_tokens, cost, retries, cache_hits, first_bucket, counts::bigint[]
FROM unnest(
    $1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::numeric[], $11::bigint[], $12::bigint[], $13::numeric[], $14::bigint[],
    $15::bigint[], $16::integer[], $17::text[]
) AS written (
    audience, blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled, duration_ms,
    prompt_tokens, completion_tokens, cost, retries, cache_hits, first_bucket, counts
)
ON CONFLICT (audience, span, blueprint_id, starts_at) DO UPDATE SET
    first_at = EXCLUDED.first_at,
    last_at = EXCLUDED.last_at,
    completed = EXCLUDED.completed,
    failed = EXCLUDED.failed,
    cancelled = EXCLUDED.cancelled,
    duration_ms = EXCLUDED.duration_ms,
    prompt_tokens = EXCLUDED.prompt_tokens,
    completion_tokens = EXCLUDED.completion_tokens,
    cost = EXCLUDED.cost,
    retries = EXCLUDED.retries,
    cache_hits = EXCLUDED.cache_hits,
    first_bucket = EXCLUDED.first_bucket,
    bucket_counts = EXCLUDED.bucket_counts
"""

READ_NODE_ROLLUPS = """
SELECT blueprint_id, span, starts_at, node_id, first_bucket, bucket_counts
FROM node_rollups
JOIN unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) AS wanted (blueprint_id, span, starts_at, node_id)
USING (blueprint_id, span, starts_at, node_id)
"""

WRITE_NODE_ROLLUPS = """
INSERT INTO node_rollups (blueprint_id, span, starts_at, node_id, first_bucket, bucket_counts)
SELECT blueprint_id, span, starts_at, node_id, first_bucket, counts::bigint[]
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[], $6::text[])
     AS written (blueprint_id, span, starts_at, node_id, first_bucket, counts)
ON CONFLICT (blueprint_id, span, starts_at, node_id) DO UPDATE SET
    first_bucket = EXCLUDED.first_bucket,
    bucket_counts = EXCLUDED.bucket_counts
"""

WRITE_NAMES = """
INSERT INTO blueprint_names (blueprint_id, version, name)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[])
ON CONFLICT (blueprint_id) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name
WHERE blueprint_names.version < EXCLUDED.version
"""


KNOW = """
INSERT INTO known (until) VALUES ($1)
ON CONFLICT (sole) DO UPDATE SET until = greatest(known.until, EXCLUDED.until)
"""


class Executions:
    """Follows the execution service: counts what ended, and remembers the time of the last fact heard."""

    name = "executions"
    source = "execution"
    tables = ("execution_metrics", "execution_rollups", "node_rollups", "known")

    async def apply(self, facts: Sequence[Fact], rows: Connection) -> None:
        """Count the endings among the facts."""
        if endings := [fact.event for fact in facts if isinstance(fact.event, InstanceEnded)]:
            await count_endings(endings, rows)
        await rows.execute(KNOW, max(fact.event.timestamp for fact in facts))


class BlueprintNames:
    """Follows the blueprint service: remembers what blueprints are called."""

    name = "blueprint_names"
    source = "blueprint"
    tables = ("blueprint_names",)

    async def apply(self, facts: Sequence[Fact], rows: Connection) -> None:
        """Keep the name of the latest version."""
        if recorded := [fact.event for fact in facts if isinstance(fact.event, BlueprintVersionRecorded)]:
            await keep_names(recorded, rows)


async def count_endings(endings: Sequence[InstanceEnded], rows: Connection) -> None:
    """Keep each ended execution once, and add it to the rollups that it belongs to."""
    inserted = {row[0] for row in await rows.fetchmany(INSERT_EXECUTION, [_execution_row(ended) for ended in endings])}
    fresh = list({ended.originator_id: ended for ended in endings if ended.originator_id in inserted}.values())
    for executions in _slices(executions_by_key(fresh).items()):
        await _add_executions(dict(executions), rows)
    for nodes in _slices(nodes_by_key(fresh).items()):
        await _add_nodes(dict(nodes), rows)


async def keep_names(recorded: Iterable[BlueprintVersionRecorded], rows: Connection) -> None:
    """Remember what the latest version of each blueprint is called."""
    latest = {event.originator_id: event for event in sorted(recorded, key=lambda event: event.version)}
    versions = [event.version for event in latest.values()]
    await rows.execute(WRITE_NAMES, list(latest), versions, [event.name for event in latest.values()])


def tally_of(row: Record, durations: Histogram) -> Tally:
    """The tally whose sums are the row's."""
    return Tally(**{column: row[column] for column in SUMS}, durations=durations)


def rollup_of(row: Record) -> Rollup:
    """A row of `execution_rollups`."""
    durations = Histogram(row["first_bucket"], row["bucket_counts"])
    return Rollup(row["blueprint_id"], Span(row["span"]), row["starts_at"], tally_of(row, durations))


def executions_by_key(endings: Iterable[InstanceEnded]) -> dict[ExecutionKey, Tally]:
    """What the endings add to each rollup of executions."""
    tallies: dict[ExecutionKey, Tally] = {}
    for ended in endings:
        one = Tally.of(ENDINGS[type(ended)], ended.timestamp, ended.figures)
        for span in Span:
            for audience in {EVERYONE, ended.user_id}:
                key = (audience, ended.blueprint_id, span, span.begin(ended.timestamp))
                tallies.setdefault(key, Tally()).add(one)
    return tallies


def nodes_by_key(endings: Iterable[InstanceEnded]) -> dict[NodeKey, Histogram]:
    """What the endings add to each rollup of nodes."""
    histograms: dict[NodeKey, Histogram] = {}
    for ended in endings:
        for span in Span:
            starts_at = span.begin(ended.timestamp)
            for node_id, ms in ended.figures.node_execution_times.items():
                histograms.setdefault((ended.blueprint_id, span, starts_at, node_id), Histogram()).record((ms,))
    return histograms


async def _add_executions(added: dict[ExecutionKey, Tally], rows: Connection) -> None:
    for row in await rows.fetch(READ_EXECUTION_ROLLUPS, *zip(*added, strict=True)):
        known = rollup_of(row)
        added[row["audience"], known.blueprint_id, known.span, known.starts_at].add(known.tally)
    written = [
        (*key, *(getattr(tally, column) for column in SUMS), *_histogram_columns(tally.durations))
        for key, tally in added.items()
    ]
    await rows.execute(WRITE_EXECUTION_ROLLUPS, *zip(*written, strict=True))


async def _add_nodes(added: dict[NodeKey, Histogram], rows: Connection) -> None:
    for row in await rows.fetch(READ_NODE_ROLLUPS, *zip(*added, strict=True)):
        key = (row["blueprint_id"], Span(row["span"]), row["starts_at"], row["node_id"])
        added[key].add(row["first_bucket"], row["bucket_counts"])
    written = [(*key, *_histogram_columns(histogram)) for key, histogram in added.items()]
    await rows.execute(WRITE_NODE_ROLLUPS, *zip(*written, strict=True))


def _histogram_columns(histogram: Histogram) -> tuple[int, str]:
    """The counts as the text of an array, because `unnest` takes arrays of arrays apart to their last element."""
    return histogram.first, f"{{{','.join(map(str, histogram.counts))}}}"


def _execution_row(ended: InstanceEnded) -> tuple[Any, ...]:
    figures: RunFigures = ended.figures
    return (
        ended.originator_id,
        ended.blueprint_id,
        ended.blueprint_version,
        ended.user_id,
        ended.team_id,
        ENDINGS[type(ended)],
        ended.timestamp,
        exact_ms(figures.execution_time_ms),
        exact_ms(figures.queue_time_ms),
        figures.nodes_executed,
        figures.prompt_tokens,
        figures.completion_tokens,
        figures.cost,
        figures.tool_calls,
        figures.errors,
        figures.retries,
        figures.cache_hits,
        list(figures.node_execution_times),
        list(figures.node_execution_times.values()),
    )


def _slices(items: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while part := list(islice(source, ROWS_PER_STATEMENT)):
        yield part
