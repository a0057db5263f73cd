"""Turn away what goes beyond the quota of the user, or of the team that the user acts for; count what runs use up.

An execution counts for its user, and for the team whose blueprint it runs as the team's. A run that another one waits
for is a part of that one: it is no execution of its own and never turned away, but its tokens and cost are counted. A
run that began goes on, whatever it uses: what it used is held against the next one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from chassis import clock
from contracts import instance_events as facts
from contracts.refusal import TooMany
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.middleware.contract import Over, Surroundings, Verdict

LOOK_AGAIN_SECONDS = 5.0
"""When to come back where too many run at once: whichever ends first makes room."""
SAID: Mapping[str, str] = {
    "executions_per_day": "{limit} executions a day",
    "concurrent_executions": "{limit} executions at the same time",
    "tokens_per_day": "{limit} tokens a day",
    "cost_per_day": "{limit} US dollars a day",
}


async def admit(event: facts.InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """Take a place under the quotas of whoever asks, or refuse with 429; asks nobody where there is no quota."""
    quotas = around.quotas.of(event.user_id, event.team_id)
    if not quotas:
        return Verdict.PASS
    is_part_of_another = event.parent is not None and not event.parent.detached
    over = await around.quotas.take(turn.instance.id, quotas, counted=not is_part_of_another)
    if over is not None:
        raise refusal(over, clock.now())
    return Verdict.PASS


async def charge(event: facts.NodeCompleted, instance: Instance, around: Surroundings) -> None:
    """Count the tokens and the money that a node took."""
    if event.prompt_tokens or event.completion_tokens or event.cost:
        await count(event, instance, around)


async def count(event: facts.InstanceEvent, instance: Instance, around: Surroundings) -> None:
    """Count what a run has taken, and whether it holds a place among those that live."""
    request = instance.request
    if around.quotas.of(request.user_id, request.team_id):
        await around.quotas.charge(instance)


def refusal(over: Over, now: datetime) -> TooMany:
    """Which quota is used up, and when to come back."""
    limit = SAID[over.limit].format(limit=f"{getattr(over.quota.limits, over.limit):,}")
    whose = f"Team {over.quota.owner}" if over.quota.kind == "team" else "You"
    if over.limit == "concurrent_executions":
        when, seconds = "Come back when one of them has ended", LOOK_AGAIN_SECONDS
    else:
        when, seconds = "Come back after midnight UTC", seconds_to_midnight(now)
    detail = f"{whose} may have {limit}, and that is used up. {when}, or ask an admin of this deployment for more."
    return TooMany("quota_exceeded", detail, retry_after_seconds=seconds)


def seconds_to_midnight(now: datetime) -> float:
    """Until the next day begins in UTC."""
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
