"""Put every fact of a run on the counters, and its end into the log."""

from prometheus_client import Counter, Histogram

from chassis.logs import get_logger
from chassis.telemetry import REGISTRY
from contracts import instance_events as facts
from execution.domain import Instance
from execution.middleware.contract import Surroundings

FACTS = Counter("headrace_instance_facts", "Facts of instances recorded", ["event"], registry=REGISTRY)
ENDED = Counter("headrace_instances_ended", "Instances ended", ["outcome"], registry=REGISTRY)
DURATION = Histogram("headrace_instance_seconds", "From start to end", registry=REGISTRY)
NODE_DURATION = Histogram("headrace_node_seconds", "Time of one visit", ["node_type"], registry=REGISTRY)
TOKENS = Counter("headrace_model_tokens", "Tokens of model nodes", ["kind"], registry=REGISTRY)
COST = Counter("headrace_model_cost_usd", "Cost of model nodes in US dollars", registry=REGISTRY)

log = get_logger(__name__)


async def observe(event: facts.InstanceEvent, instance: Instance, around: Surroundings) -> None:
    """Count the fact; a node's time and tokens; an instance's outcome."""
    FACTS.labels(type(event).__name__).inc()
    if isinstance(event, facts.NodeCompleted):
        observe_node(event)
    elif isinstance(event, facts.InstanceEnded):
        observe_end(event)


def observe_node(event: facts.NodeCompleted) -> None:
    """Time of every visit, tokens and cost of those that have any."""
    NODE_DURATION.labels(event.node_type).observe(event.duration_ms / 1000)
    if event.prompt_tokens or event.completion_tokens:
        TOKENS.labels("prompt").inc(event.prompt_tokens)
        TOKENS.labels("completion").inc(event.completion_tokens)
        COST.inc(float(event.cost))


def observe_end(event: facts.InstanceEnded) -> None:
    """Outcome and duration, and one log line."""
    outcome = facts.ENDINGS[type(event)]
    ENDED.labels(outcome).inc()
    DURATION.observe(event.figures.execution_time_ms / 1000)
    log.info(
        "instance.ended",
        instance_id=str(event.originator_id),
        blueprint_id=str(event.blueprint_id),
        outcome=outcome,
        execution_time_ms=event.figures.execution_time_ms,
    )
