"""Endings made by hand and by dice, for tests of what is counted."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from chassis.ids import new_id
from contracts.execution import RunError, RunFigures
from contracts.instance_events import (
    InstanceCancelled,
    InstanceCompleted,
    InstanceEnded,
    InstanceFailed,
    InstanceRetried,
    InstanceTerminated,
)

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
NODES = ("start", "fetch", "classify", "answer", "end")


def figures(**known: object) -> RunFigures:
    """Plausible figures of a run, changed where the test says so."""
    plausible: dict[str, object] = {
        "execution_time_ms": 120.5,
        "queue_time_ms": 1.25,
        "nodes_executed": 2,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "tokens_used": 120,
        "cost": Decimal("0.0123"),
        "node_execution_times": {"start": 0.5, "answer": 118.0},
    }
    return RunFigures.model_validate(plausible | known)


def ending(
    blueprint_id: UUID,
    user_id: str = "ada",
    status: str = "completed",
    at: datetime = NOON,
    **known: object,
) -> InstanceEnded:
    """An execution of the blueprint that ended this way at this time."""
    place = {
        "originator_id": new_id(),
        "originator_version": 9,
        "timestamp": at,
        "blueprint_id": blueprint_id,
        "blueprint_version": 1,
        "user_id": user_id,
        "team_id": None,
        "requested_at": at - timedelta(seconds=1),
        "figures": figures(**known),
    }
    if status == "completed":
        return InstanceCompleted.model_validate(place | {"output": {"said": "hello"}})
    if status == "failed":
        error = RunError(type="permanent", code="broken", message="it broke")
        return InstanceFailed.model_validate(place | {"error": error})
    return (InstanceTerminated if status == "terminated" else InstanceCancelled).model_validate(place)


def retried(fact: InstanceEnded, seconds: float = 60) -> InstanceRetried:
    """Somebody lets it go on some time after its end."""
    return InstanceRetried(
        originator_id=fact.originator_id,
        originator_version=fact.originator_version + 1,
        timestamp=fact.timestamp + timedelta(seconds=seconds),
        by="ada",
    )


def again(fact: InstanceEnded, status: str, seconds: float = 120, **known: object) -> InstanceEnded:
    """It ends once more, later."""
    later = ending(fact.blueprint_id, fact.user_id, status, fact.timestamp + timedelta(seconds=seconds), **known)
    place = {"originator_id": fact.originator_id, "originator_version": fact.originator_version + 9}
    return later.model_copy(update=place)


def thrown(
    dice: random.Random, count: int, blueprints: Sequence[UUID], users: Sequence[str], days: float
) -> list[InstanceEnded]:
    """Endings all over some days from `NOON` on, in the order of time; a few fall exactly on the hour."""
    moments = sorted(NOON + timedelta(microseconds=dice.randrange(int(days * 86_400e6))) for _ in range(count))
    return [_thrown(dice, dice.choice(blueprints), dice.choice(users), moment) for moment in moments]


def _thrown(dice: random.Random, blueprint_id: UUID, user_id: str, moment: datetime) -> InstanceEnded:
    if dice.random() < 0.05:
        moment = moment.replace(minute=0, second=0, microsecond=0)
    times = {node: dice.lognormvariate(place, 1.0) for place, node in enumerate(NODES) if dice.random() < 0.8}
    return ending(
        blueprint_id,
        user_id,
        dice.choices(("completed", "failed", "cancelled", "terminated"), (16, 4, 1, 1))[0],
        moment,
        execution_time_ms=dice.lognormvariate(4.0, 1.5),
        prompt_tokens=dice.randrange(2_000),
        completion_tokens=dice.randrange(500),
        cost=Decimal(dice.randrange(10**9)).scaleb(-10),
        retries=dice.randrange(3),
        cache_hits=dice.randrange(2),
        node_execution_times=times,
    )
