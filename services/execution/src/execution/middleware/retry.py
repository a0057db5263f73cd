"""Give a failed node another try, later, until it has had enough."""

from datetime import timedelta

from contracts import instance_events as facts
from contracts.workflow import RetryPolicy, policy_of
from execution.domain.backoff import backoff_seconds, tries_again
from execution.domain.folds.nodes import visit_of
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.middleware.contract import Surroundings, Verdict


async def try_again(event: facts.NodeFailed, turn: Turn, around: Surroundings) -> Verdict:
    """Schedule the next attempt if the policy of the node, else of the run, allows one; else the failure stands.

    Loops, maps, regions and children are tried again as a whole, from their beginning.
    """
    policy = retry_policy(turn.instance, event)
    if policy is None or visit_of(event) not in turn.instance.failed:
        return Verdict.PASS
    if not tries_again(around.deployment.bounded_retry(policy), event.error, event.attempt):
        return Verdict.PASS
    place = f"{event.originator_id}/{event.scope}/{event.node_id}/{event.visit}"
    wait = max(backoff_seconds(policy, event.attempt, place), event.retry_after_seconds or 0.0)
    turn.record(
        facts.NodeRetryScheduled,
        node_id=event.node_id,
        visit=event.visit,
        scope=event.scope,
        attempt=event.attempt + 1,
        due_at=turn.now + timedelta(seconds=wait),
    )
    return Verdict.STOP


def retry_policy(instance: Instance, event: facts.NodeFailed) -> RetryPolicy | None:
    """The node's own policy, else the run's, which has the deployment's where the blueprint has none."""
    raw = policy_of(instance.node(visit_of(event)), "retry") if event.scope in instance.frames else None
    return RetryPolicy.model_validate(raw) if raw is not None else instance.request.config.retry
