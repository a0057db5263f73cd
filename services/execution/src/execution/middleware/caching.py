"""Answer from memory what was asked before; remember what was answered."""

import hashlib
from datetime import timedelta
from typing import Any

import orjson

from chassis.expressions import ExpressionError
from contracts import instance_events as facts
from contracts.workflow import CachePolicy, policy_of
from execution.decisions import Turn
from execution.domain import Instance
from execution.middleware.contract import Surroundings, Verdict
from execution.nodes.action import NodeResult
from execution.routing import rendered_config


async def recall_run(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """A whole execution that was answered before with the same input and configuration ends at once."""
    policy = event.config.cache
    if not isinstance(policy, CachePolicy):
        return Verdict.PASS
    settings = event.config.model_dump(mode="json", include={"provider", "model", "temperature"})
    key = cache_key(
        "run", owner_of(event, policy), str(event.blueprint_id), event.blueprint_version, event.input, settings
    )
    remembered = await around.answers.recall(key)
    if remembered is None:
        turn.record(facts.CacheMissed, cache_key=key)
        return Verdict.PASS
    turn.record(facts.CacheHit, cache_key=key, answered_by=remembered.instance_id)
    turn.complete(remembered.output)
    return Verdict.STOP


async def recall_node(event: facts.NodeStarted, turn: Turn, around: Surroundings) -> Verdict:
    """A node whose rendered configuration was answered before is done without running."""
    policy = node_policy(turn.instance, event.node_id)
    if policy is None or turn.instance.graph is None:
        return Verdict.PASS
    node = turn.instance.graph.nodes[event.node_id]
    request = turn.instance.request
    try:
        config = rendered_config(turn.instance, node)
    except ExpressionError:
        return Verdict.PASS
    key = cache_key("node", owner_of(request, policy), str(request.blueprint_id), node.id, node.type, config)
    remembered = await around.answers.recall(key)
    place = {"node_id": event.node_id, "visit": event.visit}
    if remembered is None:
        turn.record(facts.CacheMissed, cache_key=key, **place)
        return Verdict.PASS
    turn.record(facts.CacheHit, cache_key=key, answered_by=remembered.instance_id, **place)
    turn.settle((event.node_id, event.visit), event.attempt, NodeResult(remembered.output))
    return Verdict.STOP


async def remember_run(event: facts.InstanceCompleted, instance: Instance, around: Surroundings) -> None:
    """Keep the output of a run that was not in memory; failures are never kept."""
    policy = instance.request.config.cache
    if instance.cache_key is not None and isinstance(policy, CachePolicy):
        expires_at = event.timestamp + timedelta(seconds=policy.ttl_seconds)
        await around.answers.remember(instance.cache_key, event.output, instance.id, expires_at)


async def remember_node(event: facts.NodeCompleted, instance: Instance, around: Surroundings) -> None:
    """Keep the output of a node that was not in memory."""
    key = instance.node_cache_keys.get((event.node_id, event.visit))
    policy = node_policy(instance, event.node_id) if key else None
    if key is not None and policy is not None:
        expires_at = event.timestamp + timedelta(seconds=policy.ttl_seconds)
        await around.answers.remember(key, event.output, instance.id, expires_at)


def node_policy(instance: Instance, node_id: str) -> CachePolicy | None:
    """The node's own cache policy, if it has one."""
    raw = policy_of(instance.graph.nodes[node_id], "cache") if instance.graph else None
    return CachePolicy.model_validate(raw) if isinstance(raw, dict) else None


def owner_of(request: facts.InstanceRequested, policy: CachePolicy) -> str:
    """Whose memory it is: the team's where asked for and there is one, else the user's own."""
    if policy.scope == "team" and request.team_id is not None:
        return f"team:{request.team_id}"
    return f"user:{request.user_id}"


def cache_key(*parts: Any) -> str:
    """One short name for everything that the answer depends on."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
