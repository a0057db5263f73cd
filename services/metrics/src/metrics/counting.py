"""Counts a window from few rows: whole days, at its edges hours, then five minutes, then single executions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from uuid import UUID

from asyncpg import Connection, Record

from metrics.domain import EVERYONE, Part, Rollup, Span, Tally, Window, settle
from metrics.histogram import Histogram
from metrics.rollups import rollup_of, tally_of

OWN_RUNS_MAX = 10_000
"""Runs, newest first, whose nodes are looked at for somebody who may only see runs of their own."""

ROLLED = """
SELECT blueprint_id, span, starts_at, first_at, last_at, completed, failed, cancelled, duration_ms,
       prompt_tokens, completion_tokens, cost, retries, cache_hits, first_bucket, bucket_counts
FROM execution_rollups
"""
SUMMED = ROLLED.replace("first_bucket, bucket_counts", "0 AS first_bucket, '{}'::bigint[] AS bucket_counts")
"""Without the durations, which nobody asks for when use is counted: theirs is most of the weight."""
DAYS_OF_BLUEPRINT = (
    f"{ROLLED} WHERE audience = $1 AND span = 'day' AND starts_at >= $2 AND starts_at < $3 AND blueprint_id = $4"
)
OUTER_DAYS_OF_USER = (
    f"{SUMMED} WHERE audience = $1 AND span = 'day' AND starts_at = ANY($2::timestamptz[]) AND starts_at < $3"
)
INNER_DAYS_OF_USER = """
SELECT blueprint_id, starts_at, min(first_at) AS first_at, max(last_at) AS last_at,
       sum(completed)::bigint AS completed, sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
       sum(duration_ms) AS duration_ms, sum(prompt_tokens)::bigint AS prompt_tokens,
       sum(completion_tokens)::bigint AS completion_tokens, sum(cost) AS cost,
       sum(retries)::bigint AS retries, sum(cache_hits)::bigint AS cache_hits
FROM execution_rollups
WHERE audience = $1 AND span = 'day' AND starts_at > $2 AND starts_at < $3
GROUP BY GROUPING SETS ((blueprint_id), (starts_at))
"""
"""Two answers in one: the sums of each blueprint (without a day), and of each day (without a blueprint)."""
CLOSER = "WHERE audience = $1 AND span = $5 AND starts_at >= $2 AND starts_at < $3 AND blueprint_id = ANY($4::uuid[])"
SINGLE = """
SELECT blueprint_id, min(ended_at) AS first_at, max(ended_at) AS last_at,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status IN ('cancelled', 'terminated')) AS cancelled,
       sum(execution_time_ms) AS duration_ms, array_agg(execution_time_ms::double precision) AS times,
       sum(prompt_tokens)::bigint AS prompt_tokens, sum(completion_tokens)::bigint AS completion_tokens,
       sum(cost) AS cost, sum(retries)::bigint AS retries, sum(cache_hits)::bigint AS cache_hits
FROM execution_metrics
WHERE ended_at >= $1 AND ended_at < $2 AND blueprint_id = ANY($3::uuid[])
"""
SINGLE_OF_ALL = f"{SINGLE} GROUP BY blueprint_id"
SINGLE_OF_USER = f"{SINGLE} AND user_id = $4 GROUP BY blueprint_id"
NODES_ROLLED = """
SELECT node_id, first_bucket, bucket_counts FROM node_rollups
JOIN unnest($2::text[], $3::timestamptz[]) AS wanted (span, starts_at) USING (span, starts_at)
WHERE blueprint_id = $1
"""
NODES_SINGLE = """
SELECT node.id AS node_id, array_agg(node.ms) AS times
FROM execution_metrics, unnest(node_ids, node_execution_times) AS node (id, ms)
WHERE blueprint_id = $1 AND ended_at >= $2 AND ended_at < $3
GROUP BY node.id
"""
NODES_OF_USER = """
SELECT node.id AS node_id, array_agg(node.ms) AS times
FROM (SELECT node_ids, node_execution_times FROM execution_metrics
      WHERE user_id = $2 AND blueprint_id = $1 AND ended_at >= $3 AND ended_at < $4
      ORDER BY ended_at DESC LIMIT $5) AS run,
     unnest(run.node_ids, run.node_execution_times) AS node (id, ms)
GROUP BY node.id
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """All that was counted in a window: rollups that lie in it whole, and the tallies of the parts beside them."""

    rollups: Sequence[Rollup]
    parts: Sequence[tuple[Part, Tally]]

    def tallies(self) -> Iterator[tuple[UUID, datetime, Tally]]:
        """Blueprint, a moment of the day (UTC) it happened on, and what was counted; nothing is counted twice."""
        whole = ((rollup.blueprint_id, rollup.starts_at, rollup.tally) for rollup in self.rollups)
        return chain(whole, ((part.blueprint_id, part.window.since, tally) for part, tally in self.parts))


@dataclass(frozen=True, slots=True)
class Used:
    """What a user's executions in a window add up to, told twice; days are those of UTC."""

    by_blueprint: defaultdict[UUID, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_day: defaultdict[date, Tally] = field(default_factory=lambda: defaultdict(Tally))


async def count_blueprint(rows: Connection, audience: str, blueprint_id: UUID, window: Window) -> Counted:
    """The executions of one blueprint that the audience may know of."""
    days = await rows.fetch(DAYS_OF_BLUEPRINT, audience, Span.DAY.begin(window.since), window.until, blueprint_id)
    return await _look_closer(rows, audience, window, map(rollup_of, days), ROLLED)


async def count_user(rows: Connection, user_id: str, window: Window) -> Used:
    """The executions of one user, of all blueprints; how long each of them took is not counted."""
    used = Used()
    first, last = Span.DAY.begin(window.since), Span.DAY.begin(window.until)
    days = await rows.fetch(OUTER_DAYS_OF_USER, user_id, [first, last], window.until)
    counted = await _look_closer(rows, user_id, window, map(rollup_of, days), SUMMED)
    for blueprint_id, moment, tally in counted.tallies():
        used.by_blueprint[blueprint_id].add(tally)
        used.by_day[moment.astimezone(UTC).date()].add(tally)
    # Only the first and the last day can lie in the window in part: of those between, PostgreSQL adds up.
    for row in await rows.fetch(INNER_DAYS_OF_USER, user_id, first, last):
        tally = tally_of(row, Histogram())
        if row["blueprint_id"] is not None:
            used.by_blueprint[row["blueprint_id"]].add(tally)
        else:
            used.by_day[row["starts_at"].astimezone(UTC).date()].add(tally)
    return used


async def count_nodes(rows: Connection, blueprint_id: UUID, counted: Counted) -> dict[str, Histogram]:
    """How long each node took in what was counted of one blueprint for everyone."""
    nodes: dict[str, Histogram] = defaultdict(Histogram)
    spans, starts = [rollup.span for rollup in counted.rollups], [rollup.starts_at for rollup in counted.rollups]
    for node_id, first, counts in await rows.fetch(NODES_ROLLED, blueprint_id, spans, starts):
        nodes[node_id].add(first, counts)
    for part, _ in counted.parts:
        for node_id, times in await rows.fetch(NODES_SINGLE, blueprint_id, part.window.since, part.window.until):
            nodes[node_id].record(times)
    return nodes


async def count_own_nodes(rows: Connection, user_id: str, blueprint_id: UUID, window: Window) -> dict[str, Histogram]:
    """How long each node took in the user's own runs of a blueprint, the newest `OWN_RUNS_MAX` of them."""
    nodes: dict[str, Histogram] = defaultdict(Histogram)
    bounds = (window.since, window.until, OWN_RUNS_MAX)
    for node_id, times in await rows.fetch(NODES_OF_USER, blueprint_id, user_id, *bounds):
        nodes[node_id].record(times)
    return nodes


async def _look_closer(rows: Connection, audience: str, window: Window, days: Iterable[Rollup], rolled: str) -> Counted:
    whole, parts = settle(window, days)
    for span in (Span.HOUR, Span.FIVE_MINUTES):
        smaller: list[Rollup] = []
        for part, ids in _by_window(parts):
            found = await rows.fetch(f"{rolled} {CLOSER}", audience, span.begin(part.since), part.until, ids, span)
            smaller += map(rollup_of, found)
        settled, parts = settle(window, smaller)
        whole += settled
    return Counted(whole, await _count_single(rows, audience, parts))


async def _count_single(rows: Connection, audience: str, parts: Iterable[Part]) -> list[tuple[Part, Tally]]:
    counted = []
    for edge, ids in _by_window(parts):
        bounds = (edge.since, edge.until, ids)
        if audience == EVERYONE:
            found = await rows.fetch(SINGLE_OF_ALL, *bounds)
        else:
            found = await rows.fetch(SINGLE_OF_USER, *bounds, audience)
        counted += [(Part(row["blueprint_id"], edge), _tally_of_single(row)) for row in found]
    return counted


def _by_window(parts: Iterable[Part]) -> Iterable[tuple[Window, list[UUID]]]:
    """The parts as statements ask for them: at most two windows, for a plain range of an index serves one at a time."""
    windows: dict[Window, list[UUID]] = defaultdict(list)
    for part in parts:
        windows[part.window].append(part.blueprint_id)
    return windows.items()


def _tally_of_single(row: Record) -> Tally:
    durations = Histogram()
    durations.record(row["times"])
    return tally_of(row, durations)
