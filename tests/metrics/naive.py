"""The same figures, recomputed the slow way from all facts: what analytics and usage must agree with."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import ceil, floor
from typing import Any
from uuid import UUID

from contracts.instance_events import ENDINGS, InstanceEnded
from contracts.metrics import BlueprintAnalytics, UsageView

PERCENTILE_ERROR = 0.05
CLOCK_MS = 0.001


def within(facts: Iterable[InstanceEnded], since: datetime, until: datetime) -> list[InstanceEnded]:
    """Those that ended in the half-open window."""
    return [fact for fact in facts if since <= fact.timestamp < until]


def percentile(values: Sequence[float], share: float) -> float:
    """Interpolated between neighbours, as `percentile_cont` does."""
    ranked, rank = sorted(values), share * (len(values) - 1)
    low, high = ranked[floor(rank)], ranked[ceil(rank)]
    return low + (high - low) * (rank - floor(rank))


def close_to(answered: float, exact: float) -> bool:
    """Whether a percentile is as close as it is promised to be."""
    return abs(answered - exact) <= exact * PERCENTILE_ERROR + CLOCK_MS


def check_analytics(answered: BlueprintAnalytics, facts: Sequence[InstanceEnded]) -> None:
    """The answer says of these facts what is true: counts and sums exactly, percentiles closely."""
    assert answered.executions.model_dump() == _statuses(facts)
    assert answered.cost == sum((fact.figures.cost for fact in facts), Decimal(0))
    assert answered.tokens.prompt == sum(fact.figures.prompt_tokens for fact in facts)
    assert answered.tokens.completion == sum(fact.figures.completion_tokens for fact in facts)
    assert answered.tokens.total == answered.tokens.prompt + answered.tokens.completion
    assert answered.retries == sum(fact.figures.retries for fact in facts)
    assert answered.cache_hits == sum(fact.figures.cache_hits for fact in facts)
    times = [fact.figures.execution_time_ms for fact in facts]
    if not times:
        assert set(answered.duration_ms.model_dump().values()) == {None}
    else:
        average = answered.duration_ms.avg
        assert average is not None
        assert abs(average - sum(times) / len(times)) <= CLOCK_MS
        for share, value in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
            assert close_to(getattr(answered.duration_ms, value), percentile(times, share)), value
    _check_nodes(answered, facts)


def check_usage(answered: UsageView, facts: Sequence[InstanceEnded]) -> None:
    """The answer adds these facts up exactly, in total, by blueprint and by day."""
    assert answered.executions.model_dump() == _statuses(facts)
    assert (answered.executions.total, answered.tokens.total, answered.cost) == _used(facts)
    by_blueprint: dict[UUID, list[InstanceEnded]] = _grouped((fact.blueprint_id, fact) for fact in facts)
    listed = {line.blueprint_id: (line.executions, line.tokens, line.cost) for line in answered.by_blueprint}
    assert listed == {blueprint_id: _used(group) for blueprint_id, group in by_blueprint.items()}
    by_day = _grouped((fact.timestamp.date(), fact) for fact in facts)
    days = [(line.date, (line.executions, line.tokens, line.cost)) for line in answered.by_day]
    assert days == sorted((day, _used(group)) for day, group in by_day.items())


def _check_nodes(answered: BlueprintAnalytics, facts: Sequence[InstanceEnded]) -> None:
    times = _grouped((node, ms) for fact in facts for node, ms in fact.figures.node_execution_times.items())
    assert len(answered.slowest_nodes) == min(len(times), 10)
    for line in answered.slowest_nodes:
        assert line.runs == len(times[line.node_id])
        assert close_to(line.p50_ms, percentile(times[line.node_id], 0.5))
        assert close_to(line.p95_ms, percentile(times[line.node_id], 0.95))
    shown = [line.p95_ms for line in answered.slowest_nodes]
    assert shown == sorted(shown, reverse=True)


def _statuses(facts: Iterable[InstanceEnded]) -> dict[str, int]:
    endings = (ENDINGS[type(fact)] for fact in facts)
    counts = Counter("cancelled" if ended == "terminated" else ended for ended in endings)
    return {"total": counts.total(), **{name: counts[name] for name in ("completed", "failed", "cancelled")}}


def _used(facts: Sequence[InstanceEnded]) -> tuple[int, int, Decimal]:
    tokens = sum(fact.figures.prompt_tokens + fact.figures.completion_tokens for fact in facts)
    return len(facts), tokens, sum((fact.figures.cost for fact in facts), Decimal(0))


def _grouped(items: Iterable[tuple[Hashable, Any]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, item in items:
        groups[key].append(item)
    return groups
