"""Queries and views of usage and analytics."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AliasChoices, ConfigDict, Field

from contracts.blueprint import BlueprintReference
from contracts.message import Moment, Query, Usd, View


class MetricsQuery(Query):
    """A query that the metrics service answers; the window is half open: from <= time < to."""

    SERVICE = "metrics"
    since: datetime
    until: datetime


class ExecutionCounts(View):
    """Ended executions in the window, by how they ended."""

    total: int
    completed: int
    failed: int
    cancelled: int


class Durations(View):
    """Milliseconds; null when nothing ended in the window. Percentiles are within 5 %."""

    p50: float | None
    p95: float | None
    p99: float | None
    avg: float | None


class TokenCounts(View):
    """Tokens in the window."""

    prompt: int
    completion: int
    total: int


class SlowNode(View):
    """One of the nodes that take longest, by p95."""

    node_id: str
    runs: int
    p50_ms: float
    p95_ms: float


class WindowView(View):
    """Figures of a window; its beginning is called `from` outside, which is no name in Python."""

    model_config = ConfigDict(serialize_by_alias=True)


class BlueprintAnalytics(WindowView):
    """How one blueprint did. `as_of`: everything that happened before is counted."""

    blueprint_id: UUID
    from_: Annotated[Moment, Field(serialization_alias="from", validation_alias=AliasChoices("from", "from_"))]
    to: Moment
    as_of: Moment
    executions: ExecutionCounts
    success_rate: float | None
    duration_ms: Durations
    tokens: TokenCounts
    cost: Usd
    retries: int
    cache_hits: int
    slowest_nodes: tuple[SlowNode, ...]


class BlueprintUsage(View):
    """One user's use of one blueprint."""

    blueprint_id: UUID
    name: str | None
    executions: int
    tokens: int
    cost: Usd


class DayUsage(View):
    """One user's use on one day (UTC)."""

    date: date
    executions: int
    tokens: int
    cost: Usd


class UsageView(WindowView):
    """What one user used."""

    user_id: str
    from_: Annotated[Moment, Field(serialization_alias="from", validation_alias=AliasChoices("from", "from_"))]
    to: Moment
    as_of: Moment
    executions: ExecutionCounts
    tokens: TokenCounts
    cost: Usd
    by_blueprint: tuple[BlueprintUsage, ...]
    by_day: tuple[DayUsage, ...]


class GetBlueprintAnalytics(MetricsQuery):
    """Analytics of a blueprint that the caller may see (`blueprint`, resolved by the gateway)."""

    ANSWER: ClassVar = BlueprintAnalytics
    blueprint: BlueprintReference


class GetUsage(MetricsQuery):
    """The caller's own usage."""

    ANSWER: ClassVar = UsageView
