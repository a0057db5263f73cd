"""What a run has taken so far, counted from its facts (pure)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from contracts.execution import RunFigures
from contracts.instance_events import NodeCompleted


@dataclass(slots=True)
class Figures:
    """The running totals of one instance."""

    nodes_executed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    tool_calls: int = 0
    errors: int = 0
    retries: int = 0
    cache_hits: int = 0
    node_ms: dict[str, float] = field(default_factory=dict)

    def add_node(self, done: NodeCompleted) -> None:
        """Count one completed visit."""
        self.nodes_executed += 1
        self.prompt_tokens += done.prompt_tokens
        self.completion_tokens += done.completion_tokens
        self.cost += done.cost
        self.tool_calls += done.tool_calls
        self.add_time(done.node_id, done.duration_ms)

    def add_time(self, node_id: str, duration_ms: float) -> None:
        """Add the time of one attempt to its node."""
        self.node_ms[node_id] = self.node_ms.get(node_id, 0.0) + duration_ms

    def recorded(self, requested_at: datetime, started_at: datetime | None, now: datetime) -> RunFigures:
        """The totals as they are recorded with the end."""
        return RunFigures(
            execution_time_ms=milliseconds(started_at, now) if started_at else 0.0,
            queue_time_ms=milliseconds(requested_at, started_at or now),
            nodes_executed=self.nodes_executed,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            tokens_used=self.prompt_tokens + self.completion_tokens,
            cost=self.cost,
            tool_calls=self.tool_calls,
            errors=self.errors,
            retries=self.retries,
            cache_hits=self.cache_hits,
            node_execution_times=dict(self.node_ms),
        )


def milliseconds(start: datetime, end: datetime) -> float:
    """The time between two moments, never negative (clocks of two workers may differ)."""
    return max(0.0, round((end - start).total_seconds() * 1000, 3))
