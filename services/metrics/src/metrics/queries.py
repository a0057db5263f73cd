"""Rows to views: how a blueprint did, and what a user used, over any window."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from asyncpg import Connection, Pool

from contracts.metrics import (
    BlueprintAnalytics,
    BlueprintUsage,
    DayUsage,
    Durations,
    ExecutionCounts,
    GetBlueprintAnalytics,
    GetUsage,
    MetricsQuery,
    SlowNode,
    TokenCounts,
    UsageView,
)
from contracts.refusal import Malformed
from contracts.roles import teams_where
from metrics.counting import count_blueprint, count_nodes, count_own_nodes, count_user
from metrics.domain import EVERYONE, Tally, Window, audience_for
from metrics.histogram import Histogram

SLOWEST_NODES = 10
BLUEPRINTS_LISTED_MAX = 10_000
"""Blueprints that one answer about usage lists, those that cost most first."""

NAMES = """
SELECT blueprint_id, name FROM blueprint_names
WHERE blueprint_id = ANY($1::uuid[])
  AND (visibility = 'public' OR owner_id = $2 OR (visibility = 'team' AND team_id = ANY($3::text[])))
"""
"""`contracts.blueprint.may_see` stands in it: who ran a blueprint once need not hear what it is called since."""


class Knowledge(Protocol):
    """How far the rows have come."""

    async def as_of(self) -> datetime:
        """A time before which nothing happened that is not in the rows."""
        ...


@dataclass(frozen=True, slots=True)
class ReadModel:
    """Where answers come from: rows of this service's schema, and how far they have come."""

    pool: Pool
    knowledge: Knowledge

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """All that one answer reads belongs to one moment."""
        async with self.pool.acquire() as rows, rows.transaction(isolation="repeatable_read", readonly=True):
            yield rows


async def blueprint_analytics(query: GetBlueprintAnalytics, model: ReadModel) -> BlueprintAnalytics:
    """How a blueprint did. Who neither owns it nor is in its team learns of their own executions only."""
    window, blueprint_id = window_of(query), query.blueprint.id
    audience = audience_for(query.caller, query.blueprint)
    as_of = await model.knowledge.as_of()
    async with model.snapshot() as rows:
        counted = await count_blueprint(rows, audience, blueprint_id, window)
        if audience == EVERYONE:
            nodes = await count_nodes(rows, blueprint_id, counted)
        else:
            nodes = await count_own_nodes(rows, audience, blueprint_id, window)
    total = _total(tally for _, _, tally in counted.tallies())
    return BlueprintAnalytics(
        blueprint_id=blueprint_id,
        from_=window.since,
        to=window.until,
        as_of=as_of,
        executions=_executions(total),
        success_rate=total.success_rate,
        duration_ms=_durations(total),
        tokens=_tokens(total),
        cost=total.cost,
        retries=total.retries,
        cache_hits=total.cache_hits,
        slowest_nodes=slowest(nodes),
    )


async def usage(query: GetUsage, model: ReadModel) -> UsageView:
    """What the caller used, by blueprint and by day (UTC)."""
    window, user_id = window_of(query), query.caller.user_id
    as_of = await model.knowledge.as_of()
    async with model.snapshot() as rows:
        used = await count_user(rows, user_id, window)
        known = await rows.fetch(NAMES, list(used.by_blueprint), user_id, teams_where(query.caller, "read"))
    names = {row["blueprint_id"]: row["name"] for row in known}
    total = _total(used.by_day.values())
    return UsageView(
        user_id=user_id,
        from_=window.since,
        to=window.until,
        as_of=as_of,
        executions=_executions(total),
        tokens=_tokens(total),
        cost=total.cost,
        by_blueprint=_by_blueprint(used.by_blueprint, names),
        by_day=tuple(
            DayUsage(date=day, executions=tally.total, tokens=tally.tokens, cost=tally.cost)
            for day, tally in sorted(used.by_day.items())
        ),
    )


def window_of(query: MetricsQuery) -> Window:
    """The window in UTC (also for times without a zone); refused when it ends before it begins."""
    try:
        since, until = (
            (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            for moment in (query.since, query.until)
        )
    except OverflowError as error:
        raise Malformed("bad_window", "a time of the window lies outside the years 1 to 9999 in UTC") from error
    if until < since:
        raise Malformed("bad_window", "the window ends before it begins; give 'from' the earlier time, 'to' the later")
    return Window(since, until)


def slowest(nodes: Mapping[str, Histogram]) -> tuple[SlowNode, ...]:
    """The nodes that take longest by p95, the slowest first; equally slow ones by name."""
    ranked = sorted(
        ((histogram.percentile(0.95) or 0.0, node_id) for node_id, histogram in nodes.items()),
        key=lambda ranking: (-ranking[0], ranking[1]),
    )
    return tuple(
        SlowNode(node_id=node_id, runs=nodes[node_id].total, p50_ms=nodes[node_id].percentile(0.5) or 0.0, p95_ms=p95)
        for p95, node_id in ranked[:SLOWEST_NODES]
    )


def _total(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _by_blueprint(usage: Mapping[UUID, Tally], names: Mapping[UUID, str]) -> tuple[BlueprintUsage, ...]:
    costliest = sorted(usage.items(), key=lambda item: (-item[1].cost, -item[1].total, item[0]))
    return tuple(
        BlueprintUsage(
            blueprint_id=blueprint_id,
            name=names.get(blueprint_id),
            executions=tally.total,
            tokens=tally.tokens,
            cost=tally.cost,
        )
        for blueprint_id, tally in costliest[:BLUEPRINTS_LISTED_MAX]
    )


def _executions(tally: Tally) -> ExecutionCounts:
    return ExecutionCounts(total=tally.total, completed=tally.completed, failed=tally.failed, cancelled=tally.cancelled)


def _durations(tally: Tally) -> Durations:
    p50, p95, p99 = (tally.durations.percentile(share) for share in (0.5, 0.95, 0.99))
    return Durations(p50=p50, p95=p95, p99=p99, avg=tally.mean_ms)


def _tokens(tally: Tally) -> TokenCounts:
    return TokenCounts(prompt=tally.prompt_tokens, completion=tally.completion_tokens, total=tally.tokens)
