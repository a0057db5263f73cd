"""Answer from memory what was asked before, once for all who ask at the same time; remember what was answered.

A run is known by its blueprint and version, its input and the model it asks; a node by its blueprint, its id and its
rendered configuration, so that a version that changes neither still finds what the one before answered. A policy's
`key` takes the place of input or configuration. Failures and fallback values are never kept.
"""

import hashlib
from datetime import timedelta
from typing import Any

import orjson

from chassis import expressions
from contracts import instance_events as facts
from contracts.refusal import Invalid, Problem
from contracts.workflow import CachePolicy, Node, policy_of
from execution.domain.decisions.ending import complete
from execution.domain.decisions.finishing import settle
from execution.domain.folds.nodes import visit_of
from execution.domain.instance import Instance
from execution.domain.routing import rendered_config, scope_of, secret_names
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.middleware.contract import Awaited, Question, Remembered, Surroundings, Verdict, place_id
from execution.nodes.action import NodeFailure, NodeResult

LEASE_SECONDS = 300.0
"""So long may an answer be worked out alone where nothing limits the time it takes; then another may try as well."""
LEASE_MARGIN_SECONDS = 5.0
MAX_LEASE_SECONDS = 3600.0
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 5.0
"""How soon memory is asked again at the beginning, and at the latest: half as long as the answer has taken so far."""


async def recall_run(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """A whole execution that was answered before with the same input and configuration ends at once."""
    policy = event.config.cache
    if not isinstance(policy, CachePolicy):
        return Verdict.PASS
    question = Question(
        run_key(turn.instance, policy),
        place_id(turn.instance.id, None, None, ""),
        event.blueprint_id,
        None,
        lease_seconds(event.config.timeout_seconds),
    )
    found = await ask(question, turn, around)
    if not isinstance(found, Remembered):
        return Verdict.PASS
    complete(turn, found.output)
    return Verdict.STOP


async def recall_awaited_run(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """A run that waits for the answer that another one works out asks again when its time has come."""
    instance = turn.instance
    due = instance.admitted_at is not None and instance.admitted_at <= turn.now
    if not due or instance.cache_key is not None or instance.cancel_requested_by or instance.terminate_requested_by:
        return Verdict.PASS
    return await recall_run(event, turn, around)


async def recall_node(event: facts.NodeStarted, turn: Turn, around: Surroundings) -> Verdict:
    """A node that was asked the same before is done without running; what undoes something always runs."""
    instance, visit = turn.instance, visit_of(event)
    # What waits, what opened a body and what is over already does not run, and so has no answer to ask for.
    if visit not in instance.running or instance.compensation is not None:
        return Verdict.PASS
    node = instance.node(visit)
    policy = node_policy(node)
    if policy is None:
        return Verdict.PASS
    try:
        key = node_key(instance, visit, node, policy)
    except expressions.ExpressionError as error:
        settle(turn, visit, event.attempt, NodeFailure("permanent", "expression_failed", str(error)))
        return Verdict.STOP
    lease = lease_seconds(policy_of(node, "timeout_seconds"))
    question = Question(key, place_id(instance.id, *visit), instance.request.blueprint_id, node.id, lease)
    found = await ask(question, turn, around, node_id=visit.node_id, visit=visit.number, scope=visit.scope)
    if isinstance(found, Remembered):
        settle(turn, visit, event.attempt, NodeResult(found.output))
    return Verdict.PASS if found is None else Verdict.STOP


async def ask(question: Question, turn: Turn, around: Surroundings, **place: Any) -> Remembered | Awaited | None:
    """Ask memory, and record what it said: a hit with what it saved, a miss, or when to ask again."""
    found = await around.answers.recall(question)
    if isinstance(found, Remembered):
        saved = {"saved_ms": found.took_ms, "saved_tokens": found.tokens, "saved_cost": found.cost}
        turn.record(facts.CacheHit, cache_key=question.key, answered_by=found.instance_id, **place, **saved)
    elif isinstance(found, Awaited):
        turn.record(facts.CacheAwaited, cache_key=question.key, due_at=turn.now + next_look(found), **place)
    else:
        turn.record(facts.CacheMissed, cache_key=question.key, **place)
    return found


async def remember_run(event: facts.InstanceCompleted, instance: Instance, around: Surroundings) -> None:
    """Keep the output of a run that was not in memory, and what it took."""
    policy = instance.request.config.cache
    if instance.cache_key is None or not isinstance(policy, CachePolicy):
        return
    figures = event.figures
    answer = Remembered(event.output, instance.id, figures.execution_time_ms, figures.tokens_used, figures.cost)
    filler = place_id(instance.id, None, None, "")
    question = Question(instance.cache_key, filler, event.blueprint_id, None, 0.0)
    await around.answers.remember(question, answer, around.deployment.bounded_cache(policy).ttl_seconds)


async def remember_node(event: facts.NodeCompleted, instance: Instance, around: Surroundings) -> None:
    """Keep the output of a node that was not in memory, and what it took."""
    visit = visit_of(event)
    key = instance.node_cache_keys.get(visit)
    policy = node_policy(instance.graph.places[visit.node_id].nodes[visit.node_id]) if key and instance.graph else None
    if key is None or policy is None or event.fell_back:
        return
    tokens = event.prompt_tokens + event.completion_tokens
    answer = Remembered(event.output, instance.id, event.duration_ms, tokens, event.cost)
    question = Question(key, place_id(instance.id, *visit), instance.request.blueprint_id, visit.node_id, 0.0)
    await around.answers.remember(question, answer, around.deployment.bounded_cache(policy).ttl_seconds)


async def give_up_node(event: facts.NodeEvent, instance: Instance, around: Surroundings) -> None:
    """A visit that failed or was cancelled will not answer: who waits for it may try."""
    visit = visit_of(event)
    key = instance.node_cache_keys.get(visit)
    if key is not None:
        await around.answers.give_up(key, place_id(instance.id, *visit))


async def give_up_run(event: facts.InstanceEnded, instance: Instance, around: Surroundings) -> None:
    """A run that ended without an output will not answer."""
    if instance.cache_key is not None:
        await around.answers.give_up(instance.cache_key, place_id(instance.id, None, None, ""))


def run_key(instance: Instance, policy: CachePolicy) -> str:
    """What the whole run's answer is remembered under; raises `Invalid` when `policy.key` has no value."""
    request = instance.request
    settings = request.config.model_dump(mode="json", include={"provider", "model", "temperature"})
    content: Any = ["input", request.input, settings]
    if policy.key is not None:
        try:
            content = ["key", expressions.evaluate(policy.key, scope_of(instance))]
        except expressions.ExpressionError as error:
            problem = Problem(pointer="/config/cache/key", code="expression_failed", message=str(error))
            detail = "The key of config.cache has no value for this input."
            raise Invalid("invalid_cache_key", detail, (problem,)) from error
    return digest("run", whose(request, policy), str(request.blueprint_id), request.blueprint_version, content)


def node_key(instance: Instance, visit: Visit, node: Node, policy: CachePolicy) -> str:
    """What the node's answer is remembered under; raises `ExpressionError` when that has no value."""
    if policy.key is not None:
        content: Any = ["key", expressions.evaluate(policy.key, scope_of(instance, instance.frame(visit.scope)))]
    else:
        # By name: what is remembered must not tell whether a guess at a value is right.
        named = {name: f"${{ secrets.{name} }}" for name in secret_names(instance, visit)}
        content = ["config", rendered_config(instance, visit, node, named)]
    request = instance.request
    return digest("node", whose(request, policy), str(request.blueprint_id), node.id, node.type, content)


def node_policy(node: Node) -> CachePolicy | None:
    """The node's own cache policy, if it has one."""
    raw = policy_of(node, "cache")
    return CachePolicy.model_validate(raw) if isinstance(raw, dict) else None


def whose(request: facts.InstanceRequested, policy: CachePolicy) -> str:
    """Whose memory it is: the team's where asked for and there is one, else the user's own."""
    if policy.scope == "team" and request.team_id is not None:
        return f"team:{request.team_id}"
    return f"user:{request.user_id}"


def lease_seconds(timeout_seconds: float | None) -> float:
    """How long the answer may be worked out before another asker no longer waits for it."""
    return min(timeout_seconds + LEASE_MARGIN_SECONDS, MAX_LEASE_SECONDS) if timeout_seconds else LEASE_SECONDS


def next_look(awaited: Awaited) -> timedelta:
    """When to ask again: soon at first, less and less often the longer it takes."""
    seconds = awaited.since.total_seconds() / 2
    return timedelta(seconds=min(max(seconds, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS))


def digest(*parts: Any) -> str:
    """One short name for everything that the answer depends on."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
