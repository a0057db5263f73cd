"""How a run ends: with an output, an error, or as asked; what was done is undone before, where it can be."""

from datetime import timedelta
from typing import Any

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain import backoff
from execution.domain.decisions import withdrawing
from execution.domain.decisions.beginning import begin
from execution.domain.turn import Turn
from execution.domain.visits import Visit


def complete(turn: Turn, output: Any) -> None:
    """End with an output; what is still in flight is not waited for."""
    withdrawing.give_up_everything(turn)
    turn.record(facts.InstanceCompleted, output=output, **ending(turn))


def fail(turn: Turn, error: RunError) -> None:
    """The run has failed: it is tried again later, or what was done is undone, or it ends with the error."""
    withdrawing.give_up_everything(turn)
    instance = turn.instance
    policy = instance.request.config.instance_retry
    if policy is not None and backoff.tries_again(policy, error, instance.tries):
        seconds = backoff.backoff_seconds(policy, instance.tries, str(instance.id))
        due_at = turn.now + timedelta(seconds=seconds)
        turn.record(facts.InstanceRetryScheduled, error=error, attempt=instance.tries + 1, due_at=due_at)
    elif instance.owed:
        turn.record(facts.CompensationStarted, error=error)
    else:
        turn.record(facts.InstanceFailed, error=error, **ending(turn))


def cancel(turn: Turn) -> None:
    """Somebody asked for the end: undo what was done, then end."""
    withdrawing.give_up_everything(turn)
    if turn.instance.owed:
        turn.record(facts.CompensationStarted, error=None)
    else:
        turn.record(facts.InstanceCancelled, **ending(turn))


def terminate(turn: Turn) -> None:
    """Somebody asked for the end at once."""
    withdrawing.give_up_everything(turn)
    turn.record(facts.InstanceTerminated, **ending(turn))


def compensate(turn: Turn) -> None:
    """Undo one thing after the other, the last first; end when nothing is left to undo."""
    instance, compensation = turn.instance, turn.instance.compensation
    if compensation is None or compensation.visit is not None:
        return
    if instance.owed:
        owed = instance.owed[-1]
        visit = Visit(owed.by, owed.frame.compensations.get(owed.by, 0) + 1, owed.visit.scope)
        turn.record(
            facts.CompensationBegun,
            node_id=visit.node_id,
            visit=visit.number,
            scope=visit.scope,
            attempt=1,
            compensated=owed.visit.node_id,
            compensated_visit=owed.visit.number,
            compensated_scope=owed.visit.scope,
        )
        begin(turn, visit, 1)
    elif compensation.error is None:
        turn.record(facts.InstanceCancelled, **ending(turn))
    else:
        turn.record(facts.InstanceFailed, error=told(compensation.error, compensation.failed), **ending(turn))


def told(error: RunError, failed: list[str]) -> RunError:
    """The error of the run, with what could not be undone."""
    if not failed:
        return error
    return error.model_copy(update={"message": f"{error.message} Not undone: {', '.join(failed)}."})


def ending(turn: Turn) -> dict[str, Any]:
    """What every ending carries."""
    request = turn.instance.request
    return {
        "blueprint_id": request.blueprint_id,
        "blueprint_version": request.blueprint_version,
        "user_id": request.user_id,
        "team_id": request.team_id,
        "requested_at": request.timestamp,
        "figures": turn.instance.recorded_figures(turn.now),
    }
