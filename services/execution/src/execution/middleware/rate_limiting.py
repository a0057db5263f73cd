"""Admit no more than each user's, team's or blueprint's share; the rest is refused or waits."""

from datetime import timedelta

from contracts import instance_events as facts
from contracts.refusal import TooMany
from execution.decisions import Turn
from execution.middleware.contract import Surroundings, Verdict


async def admit(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """Take a place under `config.rate_limit`: now, later (`on_limit: queue`), or 429 with Retry-After."""
    policy = event.config.rate_limit
    if policy is None:
        return Verdict.PASS
    whose = {"user": event.user_id, "team": event.team_id or event.user_id, "blueprint": ""}[policy.scope]
    key = f"{event.blueprint_id}/{policy.scope}/{whose}"
    grant = await around.limits.take(key, policy.limit, policy.per_seconds, queue=policy.on_limit == "queue")
    if grant.refused:
        detail = f"More than {policy.limit} executions in {policy.per_seconds:g} s per {policy.scope}."
        raise TooMany("rate_limited", detail, retry_after_seconds=grant.wait.total_seconds())
    if grant.wait <= timedelta(0):
        turn.record(facts.InstanceAdmitted, limit_key=key)
        return Verdict.PASS
    turn.record(facts.InstanceThrottled, limit_key=key, due_at=turn.now + grant.wait)
    return Verdict.PASS
