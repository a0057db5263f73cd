"""The sums over stretches of time: what an execution adds to them, and what it takes with it when it goes on again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from asyncpg import Connection, Record

from chassis.postgres import array_of
from metrics.domain import EVERYONE, SUMS, Execution, Rollup, Span, Tally
from metrics.histogram import Histogram

SHORTEST = Span.FIVE_MINUTES
ROWS_PER_STATEMENT = 5_000
"""Rows read or written at once, so that no statement comes near its time limit."""

COLUMNS = ("first_at", "last_at", *SUMS)
"""The columns of a rollup that a tally has under the same name."""

ExecutionKey = tuple[str, UUID, Span, datetime]
NodeKey = tuple[UUID, Span, datetime, str]
Key = TypeVar("Key")
Value = TypeVar("Value")

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
SELECT audience, blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled,
       trim_scale(duration_ms), prompt_tokens, completion_tokens, trim_scale(cost), retries, cache_hits, first_bucket,
       counts::bigint[]
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

FORGET_EXECUTION_ROLLUPS = """
DELETE FROM execution_rollups
USING unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[]) AS gone (audience, blueprint_id, span, starts_at)
WHERE execution_rollups.audience = gone.audience AND execution_rollups.span = gone.span
  AND execution_rollups.blueprint_id = gone.blueprint_id AND execution_rollups.starts_at = gone.starts_at
"""

FORGET_NODE_ROLLUPS = """
DELETE FROM node_rollups
USING unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) AS gone (blueprint_id, span, starts_at, node_id)
WHERE node_rollups.blueprint_id = gone.blueprint_id AND node_rollups.span = gone.span
  AND node_rollups.starts_at = gone.starts_at AND node_rollups.node_id = gone.node_id
"""

BOUND_EXECUTION_ROLLUPS = """
UPDATE execution_rollups AS rollup SET first_at = ended.first_at, last_at = ended.last_at
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])
     AS wanted (audience, blueprint_id, span, starts_at, ends_at),
     LATERAL (
         SELECT min(ended_at) AS first_at, max(ended_at) AS last_at FROM execution_metrics
         WHERE blueprint_id = wanted.blueprint_id AND ended_at >= wanted.starts_at AND ended_at < wanted.ends_at
           AND (wanted.audience = '' OR user_id = wanted.audience)
     ) AS ended
WHERE rollup.audience = wanted.audience AND rollup.span = wanted.span
  AND rollup.blueprint_id = wanted.blueprint_id AND rollup.starts_at = wanted.starts_at
"""


async def add(executions: Iterable[Execution], rows: Connection) -> None:
    """Add executions to the rollups that they belong to."""
    counted = list(executions)
    for tallies in _slices(executions_by_key(counted)):
        for key, known in (await _known_tallies(tallies, rows)).items():
            tallies[key].add(known)
        await _write_tallies(tallies, rows)
    for histograms in _slices(nodes_by_key(counted)):
        for node_key, known_times in (await _known_histograms(histograms, rows)).items():
            histograms[node_key].add(known_times.first, known_times.counts)
        await _write_histograms(histograms, rows)


async def remove(executions: Iterable[Execution], rows: Connection) -> None:
    """Leave the rollups as if these executions, whose own rows are gone, had never been added."""
    counted = list(executions)
    for tallies in _slices(executions_by_key(counted)):
        known = await _known_tallies(tallies, rows)
        for key, tally in known.items():
            tally.subtract(tallies[key])
        await _write_tallies({key: tally for key, tally in known.items() if tally.total}, rows)
        await _run(FORGET_EXECUTION_ROLLUPS, [key for key, tally in known.items() if not tally.total], rows)
        bounds = [(*key, key[3] + key[2].length) for key, tally in known.items() if tally.total]
        await _run(BOUND_EXECUTION_ROLLUPS, bounds, rows)
    for histograms in _slices(nodes_by_key(counted)):
        known_times = await _known_histograms(histograms, rows)
        for node_key, times in known_times.items():
            times.subtract(histograms[node_key].first, histograms[node_key].counts)
        await _write_histograms({node_key: times for node_key, times in known_times.items() if times.counts}, rows)
        await _run(FORGET_NODE_ROLLUPS, [node_key for node_key, times in known_times.items() if not times.counts], rows)


def tally_of(row: Record, durations: Histogram) -> Tally:
    """The tally whose sums are the row's."""
    return Tally(**{column: row[column] for column in COLUMNS}, durations=durations)


def rollup_of(row: Record) -> Rollup:
    """A row of `execution_rollups`."""
    durations = Histogram(row["first_bucket"], row["bucket_counts"])
    return Rollup(row["blueprint_id"], Span(row["span"]), row["starts_at"], tally_of(row, durations))


def executions_by_key(executions: Iterable[Execution]) -> dict[ExecutionKey, Tally]:
    """What executions are in each rollup of executions; added up in the shortest span, which the others consist of."""
    shortest: dict[tuple[str, UUID, datetime], Tally] = {}
    for execution in executions:
        one, begin = Tally.of(execution), SHORTEST.begin(execution.ended_at)
        for audience in {EVERYONE, execution.user_id}:
            shortest.setdefault((audience, execution.blueprint_id, begin), Tally()).add(one)
    tallies: dict[ExecutionKey, Tally] = {}
    for (audience, blueprint_id, begin), tally in shortest.items():
        for span in Span:
            tallies.setdefault((audience, blueprint_id, span, span.begin(begin)), Tally()).add(tally)
    return tallies


def nodes_by_key(executions: Iterable[Execution]) -> dict[NodeKey, Histogram]:
    """What executions are in each rollup of nodes; counted in the shortest span, which the others consist of."""
    times: dict[tuple[UUID, datetime, str], list[float]] = defaultdict(list)
    for execution in executions:
        begin = SHORTEST.begin(execution.ended_at)
        for node_id, ms in execution.figures.node_execution_times.items():
            times[execution.blueprint_id, begin, node_id].append(ms)
    histograms: dict[NodeKey, Histogram] = {}
    for (blueprint_id, begin, node_id), taken in times.items():
        counted = Histogram()
        counted.record(taken)
        for span in Span:
            key = (blueprint_id, span, span.begin(begin), node_id)
            histograms.setdefault(key, Histogram()).add(counted.first, counted.counts)
    return histograms


async def _known_tallies(keys: Iterable[ExecutionKey], rows: Connection) -> dict[ExecutionKey, Tally]:
    known: dict[ExecutionKey, Tally] = {}
    for row in await rows.fetch(READ_EXECUTION_ROLLUPS, *zip(*keys, strict=True)):
        rollup = rollup_of(row)
        known[row["audience"], rollup.blueprint_id, rollup.span, rollup.starts_at] = rollup.tally
    return known


async def _known_histograms(keys: Iterable[NodeKey], rows: Connection) -> dict[NodeKey, Histogram]:
    return {
        (row["blueprint_id"], Span(row["span"]), row["starts_at"], row["node_id"]): Histogram(
            row["first_bucket"], row["bucket_counts"]
        )
        for row in await rows.fetch(READ_NODE_ROLLUPS, *zip(*keys, strict=True))
    }


async def _write_tallies(tallies: Mapping[ExecutionKey, Tally], rows: Connection) -> None:
    written = [
        (*key, *(getattr(tally, column) for column in COLUMNS), *_histogram_columns(tally.durations))
        for key, tally in tallies.items()
    ]
    await _run(WRITE_EXECUTION_ROLLUPS, written, rows)


async def _write_histograms(histograms: Mapping[NodeKey, Histogram], rows: Connection) -> None:
    written = [(*key, *_histogram_columns(histogram)) for key, histogram in histograms.items()]
    await _run(WRITE_NODE_ROLLUPS, written, rows)


async def _run(statement: str, values: Sequence[tuple[Any, ...]], rows: Connection) -> None:
    """Run a statement over all rows at once; nothing costs nothing."""
    if values:
        await rows.execute(statement, *zip(*values, strict=True))


def _histogram_columns(histogram: Histogram) -> tuple[int, str]:
    """The counts as the text of an array, because `unnest` takes arrays of arrays apart to their last element."""
    return histogram.first, array_of(map(str, histogram.counts))


def _slices(items: Mapping[Key, Value]) -> Iterator[dict[Key, Value]]:
    source = iter(items.items())
    while part := dict(islice(source, ROWS_PER_STATEMENT)):
        yield part
