"""Facts of the instance as a whole: accepted, claimed, resting, paused, ended, going on again."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from contracts import instance_events as facts
from contracts.execution import RunError, Status
from execution.domain.folds.nodes import expiry
from execution.domain.state import State
from execution.domain.visits import Compensation, Visit


def requested(state: State, event: facts.InstanceRequested) -> None:
    """Accepted; begun at once when a worker is named."""
    state.requested = event
    if event.worker_id is not None:
        state.worker_id, state.epoch = event.worker_id, 1


def throttled(state: State, event: facts.InstanceThrottled) -> None:
    """It may start at `due_at`."""
    state.admitted_at = event.due_at


def claimed(state: State, event: facts.InstanceClaimed) -> None:
    """Another worker owns it from here on."""
    state.worker_id, state.epoch = event.worker_id, event.epoch
    state.idle_claims += 1
    if state.status in ("waiting", "paused"):
        state.status = awake(state)


def awake(state: State) -> Status:
    """What it is when it does not rest."""
    return "running" if state.started_at else "pending"


def started(state: State, event: facts.InstanceStarted) -> None:
    """The first token is on the start node."""
    state.status = "running"
    state.started_at = state.timed_from = event.timestamp
    state.admitted_at = None
    if state.root is not None:
        state.root.flow.begin()


def suspended(state: State, event: facts.InstanceSuspended) -> None:
    """It left memory until something happens."""
    rest(state, "waiting")
    state.resumes_at = event.due_at


def paused(state: State, event: facts.InstancePaused) -> None:
    """It left memory until it is resumed."""
    rest(state, "paused")
    state.resumes_at = None
    state.paused_at = state.paused_at or event.timestamp


def rest(state: State, status: Status) -> None:
    """Nobody drives it."""
    state.status = status
    state.worker_id = None
    state.stirred = False
    state.idle_claims = 0


def retry_scheduled(state: State, event: facts.InstanceRetryScheduled) -> None:
    """It failed, and goes on later."""
    state.tries = event.attempt
    state.retry_at = event.due_at
    state.figures.retries += 1
    if state.root is not None:
        state.root.broken_off |= {visit: failure.attempt + 1 for visit, failure in state.failed.items()}
    state.failed.clear()


def retried(state: State, event: facts.InstanceRetried) -> None:
    """It goes on from where it failed: what had failed, or was broken off then, is ready again."""
    state.stirred = state.ended
    state.reopened |= state.ended
    if state.ended:
        state.status, state.worker_id = "waiting", None
        state.resumes_at = event.timestamp
        state.pause_requested_by = None
    state.output = state.error = state.ended_at = state.retry_at = None
    state.timed_from = event.timestamp if state.started_at else None
    state.cancel_requested_by = None
    failed = {visit: failure.attempt + 1 for visit, failure in state.failed.items()}
    state.failed.clear()
    state.cancel_visits.clear()
    if state.root is not None:
        revive(state, failed | state.root.broken_off, event.timestamp)
        state.root.broken_off.clear()


def revive(state: State, visits: dict[Visit, int], now: datetime) -> None:
    """Make visits ready again; a body that had failed goes on with its passes and has its whole time once more."""
    for visit, attempt in visits.items():
        opened = state.broken.pop(visit, None)
        if opened is None:
            state.next_attempt[visit] = attempt
            state.ready[visit] = None
            continue
        state.opened[visit] = opened
        state.unsettled[visit] = None
        opened.since, opened.expires_at = now, expiry(state, visit, now)
        passes, opened.broken = opened.broken, {}
        for index, frame in passes.items():
            opened.failures.pop(index, None)
            opened.live.add(index)
            state.frames[frame.scope] = frame
            again, frame.broken_off = frame.broken_off, {}
            revive(state, again, now)


def compensation_started(state: State, event: facts.CompensationStarted) -> None:
    """From here on it only undoes; whoever cancels a run that was to be tried again does not want that any more."""
    state.compensation = Compensation(event.error)
    state.retry_at = None
    state.failed.clear()
    state.ready.clear()


def compensation_begun(state: State, event: facts.CompensationBegun) -> None:
    """The last that is owed is being undone."""
    if state.compensation is None:
        return
    visit = Visit(event.node_id, event.visit, event.scope)
    compensated = Visit(event.compensated, event.compensated_visit, event.compensated_scope)
    owed = next((owed for owed in state.owed if owed.visit == compensated), None)
    state.compensation.visit, state.compensation.owed = visit, owed
    if owed is not None:
        state.owed.remove(owed)
        owed.frame.compensations[visit.node_id] = visit.number
        state.frames[owed.frame.scope] = owed.frame


def ended(state: State, event: facts.InstanceEnded) -> None:
    """It is over."""
    state.status = facts.ENDINGS[type(event)]
    state.ended_at = event.timestamp
    state.worker_id = None
    state.stirred = False


def completed(state: State, event: facts.InstanceCompleted) -> None:
    """Ended with an output."""
    ended(state, event)
    state.output = event.output


def failed(state: State, event: facts.InstanceFailed) -> None:
    """Ended with an error."""
    ended(state, event)
    state.error = event.error


def cancelled(state: State, event: facts.InstanceCancelled) -> None:
    """Ended because somebody asked for it."""
    ended(state, event)
    by = state.cancel_requested_by or "a caller"
    state.error = RunError(type="cancelled", code="cancelled", message=f"Cancelled by {by}.")


def terminated(state: State, event: facts.InstanceTerminated) -> None:
    """Ended at once because somebody asked for it."""
    ended(state, event)
    by = state.terminate_requested_by or "a caller"
    state.error = RunError(type="cancelled", code="terminated", message=f"Terminated by {by}.")


def erased(state: State, event: facts.InstanceErased) -> None:
    """Its content is gone, so it can never go on."""
    state.erased = True


LIFE: Mapping[type[facts.InstanceEvent], Callable[[State, Any], None]] = {
    facts.InstanceRequested: requested,
    facts.InstanceThrottled: throttled,
    facts.InstanceClaimed: claimed,
    facts.InstanceStarted: started,
    facts.InstanceSuspended: suspended,
    facts.InstancePaused: paused,
    facts.InstanceRetryScheduled: retry_scheduled,
    facts.InstanceRetried: retried,
    facts.CompensationStarted: compensation_started,
    facts.CompensationBegun: compensation_begun,
    facts.InstanceCompleted: completed,
    facts.InstanceFailed: failed,
    facts.InstanceCancelled: cancelled,
    facts.InstanceTerminated: terminated,
    facts.InstanceErased: erased,
}
