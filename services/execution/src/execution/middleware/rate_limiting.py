"""Admit no more executions, nodes and tokens than each share allows; the rest is refused or waits.

All workers ask the same rows, which serve in the order of arrival. Between users (or teams) it is fair because a limit
of that scope counts each of them apart: who asks for much queues behind himself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis import clock, expressions, templates
from contracts import instance_events as facts
from contracts.refusal import TooMany
from contracts.workflow import Node, RateLimit, policy_of
from execution.domain.decisions.finishing import settle
from execution.domain.folds.nodes import visit_of
from execution.domain.instance import Instance
from execution.domain.routing import scope_of
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.middleware.contract import Demand, Grant, Surroundings, Verdict
from execution.nodes.action import NodeFailure


async def admit(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """Take a place under every limit on executions: now, later (`on_limit: queue`), or 429 with Retry-After."""
    limits = [limit for limit in limits_of(turn.instance, around) if limit.count == "executions"]
    if not limits:
        return Verdict.PASS
    demands = {(demand := demand_under(limit, turn.instance, around)).key: demand for limit in limits}
    grant = await around.limits.take(list(demands.values()), str(turn.instance.id))
    if grant.refused:
        detail = f"More than {demands[grant.key].said}."
        raise TooMany("rate_limited", detail, retry_after_seconds=grant.wait.total_seconds())
    if grant.wait <= timedelta(0):
        turn.record(facts.InstanceAdmitted, limit_key=grant.key)
    else:
        turn.record(facts.InstanceThrottled, limit_key=grant.key, due_at=comes_in_at(grant))
    return Verdict.PASS


async def space_out(event: facts.NodeStarted, turn: Turn, around: Surroundings) -> Verdict:
    """Take a place for one attempt of a node under every limit on nodes and tokens: now, later, or it has failed."""
    visit = visit_of(event)
    # What waits, what opened a body and what is over already does not run, and so uses nothing up.
    if visit not in turn.instance.running or visit in turn.instance.throttled:
        return Verdict.PASS
    demands = node_demands(turn.instance, visit, around)
    if not demands:
        return Verdict.PASS
    grant = await around.limits.take(list(demands.values()), attempt_name(event))
    if grant.refused:
        message = f"More than {demands[grant.key].said}."
        wait = comes_in_at(grant) - turn.now
        failure = NodeFailure("transient", "rate_limited", message, retry_after_seconds=wait.total_seconds())
        settle(turn, visit, event.attempt, failure)
        return Verdict.STOP
    if grant.wait > timedelta(0):
        at = event.model_dump(include={"node_id", "visit", "attempt", "scope"})
        turn.record(facts.NodeThrottled, **at, limit_key=grant.key, due_at=comes_in_at(grant))
        return Verdict.STOP
    return Verdict.PASS


async def charge(event: facts.NodeCompleted, instance: Instance, around: Surroundings) -> None:
    """Count the tokens that were really used: the next ones wait until there is room again."""
    tokens = event.prompt_tokens + event.completion_tokens
    if tokens == 0 or instance.graph is None:
        return
    own = policy_of(instance.graph.places[event.node_id].nodes[event.node_id], "rate_limit") or {}
    counted = {limit.count for limit in limits_of(instance, around)} | {own.get("count")}
    if "tokens" in counted:
        await around.limits.charge(attempt_name(event), tokens)


def limits_of(instance: Instance, around: Surroundings) -> Sequence[RateLimit]:
    """The blueprint's limits and the deployment's."""
    config = instance.request.config
    own = (config.rate_limit, *config.rate_limits) if config.rate_limit else config.rate_limits
    return (*own, *around.deployment.rate_limits)


def node_demands(instance: Instance, visit: Visit, around: Surroundings) -> dict[str, Demand]:
    """What a visit needs a place under, by key; in most runs nothing."""
    node = instance.node(visit)
    counted = [limit for limit in limits_of(instance, around) if counts(limit, instance, visit, node)]
    demands = [demand_under(limit, instance, around) for limit in counted]
    if (raw := policy_of(node, "rate_limit")) is not None:
        own = RateLimit.model_validate({"count": "nodes", **raw})
        demands.append(demand_under(own, instance, around, node.id))
    return {demand.key: demand for demand in demands}


def counts(limit: RateLimit, instance: Instance, visit: Visit, node: Node) -> bool:
    """Whether the visit counts under a limit of the blueprint or the deployment."""
    if limit.count == "executions":
        return False
    wanted = limit.node_type or ("model" if limit.count == "tokens" or limit.model else None)
    if wanted is not None and node.type != wanted:
        return False
    return limit.model is None or limit.model == asked_model(instance, visit, node)


def asked_model(instance: Instance, visit: Visit, node: Node) -> Any:
    """The model that a node asks: its own, else the run's; None where the template has no value."""
    own = node.config.get("model")
    if own is None:
        return instance.request.config.model
    try:
        return templates.render(own, scope_of(instance, instance.frames.get(visit.scope)))
    except expressions.ExpressionError:
        return None


def demand_under(limit: RateLimit, instance: Instance, around: Surroundings, node_id: str = "") -> Demand:
    """One place under the limit, counted apart for each user, team or blueprint."""
    request = instance.request
    is_deployments = any(limit is other for other in around.deployment.rate_limits)
    whose = {
        "user": request.user_id,
        "team": f"team:{request.team_id}" if request.team_id else f"user:{request.user_id}",
        "blueprint": str(request.blueprint_id),
    }[limit.scope]
    where = "deployment" if is_deployments else f"{request.blueprint_id}/{node_id}"
    counted = f"{limit.count}/{limit.node_type or ''}/{limit.model or ''}"
    return Demand(
        key=f"{where}/{counted}/{limit.limit}/{limit.per_seconds:g}/{limit.scope}/{whose}",
        limit=limit.limit,
        per_seconds=limit.per_seconds,
        patience=around.deployment.max_queue_seconds if limit.on_limit == "queue" else 0.0,
        tokens=limit.count == "tokens",
        said=f"{limit.limit} {limit.count} in {limit.per_seconds:g} s per {limit.scope}",
    )


def comes_in_at(grant: Grant) -> datetime:
    """When there is room. The limits answer later than the turn began: counted from there it would be too early."""
    return clock.now() + grant.wait


def attempt_name(event: facts.NodeEvent) -> str:
    """Names one attempt of a visit, the same when it is asked for again."""
    return f"{event.originator_id}/{event.scope}/{event.node_id}/{event.visit}/{event.attempt}"
