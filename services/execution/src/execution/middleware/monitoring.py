"""Put every fact of a run on the counters; its end, its failures and its second chances into the log."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram

from chassis.logs import get_logger
from chassis.telemetry import REGISTRY
from contracts import instance_events as facts
from execution.domain.instance import Instance
from execution.middleware.contract import Surroundings

SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 3_600, 6 * 3_600, 24 * 3_600, 7 * 24 * 3_600)
"""From a tool that answers at once to an approval that takes a week."""

FACTS = Counter("headrace_instance_facts", "Facts of instances recorded", ["event"], registry=REGISTRY)
ENDED = Counter("headrace_instances_ended", "Instances ended", ["outcome"], registry=REGISTRY)
DURATION = Histogram("headrace_instance_seconds", "From start to end", buckets=SECONDS, registry=REGISTRY)
NODE_DURATION = Histogram(
    "headrace_node_seconds", "Time of one visit, waiting included", ["node_type"], buckets=SECONDS, registry=REGISTRY
)
NODE_FAILURES = Counter(
    "headrace_node_failures", "Attempts that failed", ["node_type", "error_type"], registry=REGISTRY
)
FALLBACKS = Counter("headrace_node_fallbacks", "Nodes answered by their fallback", ["node_type"], registry=REGISTRY)
TOKENS = Counter("headrace_model_tokens", "Tokens of model nodes", ["kind"], registry=REGISTRY)
COST = Counter("headrace_model_cost_usd", "Cost of model nodes in US dollars", registry=REGISTRY)
PUT_OFF = Histogram(
    "headrace_put_off_seconds",
    "Waits that were decreed, by the fact that did",
    ["event"],
    buckets=SECONDS,
    registry=REGISTRY,
)
CACHE = Counter("headrace_cache_questions", "What memory said", ["of", "answer"], registry=REGISTRY)
SAVED_SECONDS = Counter("headrace_cache_saved_seconds", "What remembered answers took once", ["of"], registry=REGISTRY)
SAVED_TOKENS = Counter("headrace_cache_saved_tokens", "Tokens not asked for again", ["of"], registry=REGISTRY)
SAVED_COST = Counter("headrace_cache_saved_cost_usd", "US dollars not spent again", ["of"], registry=REGISTRY)
SECTIONS = Counter("headrace_section_steps", "Critical sections asked for, entered, left", ["step"], registry=REGISTRY)

counter_of = cache(FACTS.labels)
durations_of = cache(NODE_DURATION.labels)
"""What every step asks for; the library looks its labels up anew each time."""

log = get_logger(__name__)


async def observe(event: facts.InstanceEvent, instance: Instance, around: Surroundings) -> None:
    """Count the fact, and what it says; log what an operator wants to find."""
    counter_of(type(event).__name__).inc()
    note = NOTES.get(type(event))
    if note is not None:
        note(event)


def node_completed(event: facts.NodeCompleted) -> None:
    """Time of every visit, tokens and cost of those that have any."""
    durations_of(event.node_type).observe(event.duration_ms / 1000)
    if event.fell_back:
        FALLBACKS.labels(event.node_type).inc()
    if event.prompt_tokens or event.completion_tokens:
        TOKENS.labels("prompt").inc(event.prompt_tokens)
        TOKENS.labels("completion").inc(event.completion_tokens)
        COST.inc(float(event.cost))


def node_failed(event: facts.NodeFailed) -> None:
    """One attempt, by the kind of its error."""
    NODE_FAILURES.labels(event.node_type, event.error.type).inc()
    where = {"instance_id": str(event.originator_id), "node_id": event.node_id, "attempt": event.attempt}
    log.info("node.failed", **where, error_type=event.error.type, error_code=event.error.code)


def cache_hit(event: facts.CacheHit) -> None:
    """What was not done again."""
    of = "run" if event.node_id is None else "node"
    CACHE.labels(of, "hit").inc()
    SAVED_SECONDS.labels(of).inc(event.saved_ms / 1000)
    SAVED_TOKENS.labels(of).inc(event.saved_tokens)
    SAVED_COST.labels(of).inc(float(event.saved_cost))


def cache_missed(event: facts.CacheMissed) -> None:
    """It must be worked out."""
    CACHE.labels("run" if event.node_id is None else "node", "miss").inc()


def cache_awaited(event: facts.CacheAwaited) -> None:
    """Somebody else works it out."""
    CACHE.labels("run" if event.node_id is None else "node", "await").inc()
    put_off(event)


Delayed = (
    facts.InstanceThrottled
    | facts.NodeThrottled
    | facts.NodeRetryScheduled
    | facts.InstanceRetryScheduled
    | facts.CacheAwaited
)


def put_off(event: Delayed) -> None:
    """How long the engine lets something wait, and by which rule."""
    wait = (event.due_at - event.timestamp).total_seconds()
    PUT_OFF.labels(type(event).__name__).observe(max(wait, 0.0))


def run_again(event: facts.InstanceRetryScheduled) -> None:
    """A failed run gets another try."""
    put_off(event)
    log.info(
        "instance.retry_scheduled",
        instance_id=str(event.originator_id),
        attempt=event.attempt,
        error_code=event.error.code,
    )


def compensating(event: facts.CompensationStarted) -> None:
    """What was done is undone."""
    reason = event.error.code if event.error else "cancelled"
    log.info("instance.compensating", instance_id=str(event.originator_id), reason=reason)


def section_step(event: facts.SectionEvent) -> None:
    """Asked for, entered or left."""
    SECTIONS.labels(type(event).__name__.removeprefix("Section").lower()).inc()


def ended(event: facts.InstanceEnded) -> None:
    """Outcome and duration, and one log line; a failed run says why."""
    outcome = facts.ENDINGS[type(event)]
    ENDED.labels(outcome).inc()
    DURATION.observe(event.figures.execution_time_ms / 1000)
    why = {"error_code": event.error.code} if isinstance(event, facts.InstanceFailed) else {}
    log.info(
        "instance.ended",
        instance_id=str(event.originator_id),
        blueprint_id=str(event.blueprint_id),
        outcome=outcome,
        execution_time_ms=event.figures.execution_time_ms,
        **why,
    )


NOTES: Mapping[type[facts.InstanceEvent], Callable[[Any], None]] = {
    facts.NodeCompleted: node_completed,
    facts.NodeFailed: node_failed,
    facts.CacheHit: cache_hit,
    facts.CacheMissed: cache_missed,
    facts.CacheAwaited: cache_awaited,
    facts.InstanceThrottled: put_off,
    facts.NodeThrottled: put_off,
    facts.NodeRetryScheduled: put_off,
    facts.InstanceRetryScheduled: run_again,
    facts.CompensationStarted: compensating,
    facts.SectionRequested: section_step,
    facts.SectionEntered: section_step,
    facts.SectionLeft: section_step,
    **dict.fromkeys(facts.ENDINGS, ended),
}
"""What is noted of which fact, beside that there was one."""
