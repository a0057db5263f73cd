"""Give a failed node another try, later, until it has had enough."""

from datetime import timedelta
from hashlib import blake2b

from contracts import instance_events as facts
from contracts.workflow import RetryPolicy, policy_of
from execution.decisions import Turn
from execution.domain import Instance
from execution.middleware.contract import Surroundings, Verdict


async def try_again(event: facts.NodeFailed, turn: Turn, around: Surroundings) -> Verdict:
    """Schedule the next attempt if the policy of the node, else of the run, allows one; else the run fails."""
    policy = retry_policy(turn.instance, event.node_id)
    if policy is None or event.attempt >= policy.max_attempts or event.error.type not in policy.retry_on:
        return Verdict.PASS
    if turn.instance.ended:
        return Verdict.PASS
    wait = backoff_seconds(policy, event)
    turn.record(
        facts.NodeRetryScheduled,
        node_id=event.node_id,
        visit=event.visit,
        attempt=event.attempt + 1,
        due_at=turn.now + timedelta(seconds=wait),
    )
    return Verdict.STOP


def retry_policy(instance: Instance, node_id: str) -> RetryPolicy | None:
    """The node's own policy, else the run's."""
    raw = policy_of(instance.graph.nodes[node_id], "retry") if instance.graph else None
    return RetryPolicy.model_validate(raw) if raw is not None else instance.request.config.retry


def backoff_seconds(policy: RetryPolicy, event: facts.NodeFailed) -> float:
    """Seconds until the next attempt: exponential, capped, spread by jitter, never before the other side allows.

    The jitter is a function of the attempt, so that deciding again decides the same.
    """
    wait = min(policy.backoff_seconds * policy.backoff_factor ** (event.attempt - 1), policy.max_backoff_seconds)
    place = f"{event.originator_id}/{event.node_id}/{event.visit}/{event.attempt}".encode()
    spread = int.from_bytes(blake2b(place, digest_size=4).digest(), "big") / 0xFFFFFFFF
    wait *= 1 - policy.jitter * spread
    return max(wait, event.retry_after_seconds or 0.0)
