"""Facts of one visit of a node: begun, done, failed, given up."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from contracts import instance_events as facts
from contracts.node_types import BODY_TYPES, CALL_TYPE
from contracts.workflow import policy_of
from execution.domain.state import State
from execution.domain.visits import Attempt, Opened, Owed, Timer, Visit


def visit_of(event: facts.NodeEvent) -> Visit:
    """The visit that the fact is about."""
    return Visit(event.node_id, event.visit, event.scope)


def leave(state: State, visit: Visit) -> None:
    """The visit is not in flight any more, nor waiting for anything."""
    state.ready.pop(visit, None)
    state.running.pop(visit, None)
    state.timers.pop(visit, None)
    state.waits.pop(visit, None)
    state.cancel_visits.pop(visit, None)
    if state.queueing:
        state.queueing.pop(visit, None)
    if state.children:
        for child_id in [child_id for child_id, child in state.children.items() if child.visit == visit]:
            del state.children[child_id]


def expiry(state: State, visit: Visit, since: datetime) -> datetime | None:
    """When a wait, a body or a child of this visit takes too long."""
    if not state.frames:
        return None
    seconds = policy_of(state.node(visit), "timeout_seconds")
    return None if seconds is None else since + timedelta(seconds=seconds)


def node_started(state: State, event: facts.NodeStarted) -> None:
    """In flight (again, when it is a retry); a body is opened."""
    visit = visit_of(event)
    state.ready.pop(visit, None)
    state.timers.pop(visit, None)
    if event.node_type in BODY_TYPES:
        state.opened[visit] = Opened(event.attempt, event.timestamp, expiry(state, visit, event.timestamp), event.items)
        state.unsettled[visit] = None
    else:
        state.running[visit] = Attempt(event.attempt, event.timestamp)


def timer_scheduled(state: State, event: facts.TimerScheduled) -> None:
    """From running to waiting for a time."""
    visit = visit_of(event)
    attempt = state.running.pop(visit)
    state.timers[visit] = Timer(event.due_at, event.attempt, retry=False, since=attempt.since)


def node_throttled(state: State, event: facts.NodeThrottled) -> None:
    """It begins again at `due_at`, with its place kept."""
    state.throttled.add(visit_of(event))
    put_off(state, visit_of(event), event.attempt, event.due_at, event.timestamp)


def cache_awaited(state: State, event: facts.CacheAwaited) -> None:
    """The run, or this visit, asks memory again at `due_at`."""
    if event.node_id is None or event.visit is None:
        state.admitted_at = max(event.due_at, state.admitted_at or event.due_at)
        return
    visit = Visit(event.node_id, event.visit, event.scope)
    attempt = state.running.get(visit)
    put_off(state, visit, attempt.number if attempt else 1, event.due_at, event.timestamp)


def put_off(state: State, visit: Visit, attempt: int, due_at: datetime, since: datetime) -> None:
    """From running to beginning again later."""
    state.running.pop(visit, None)
    state.timers[visit] = Timer(due_at, attempt, retry=True, since=since)


def cache_missed(state: State, event: facts.CacheMissed) -> None:
    """What the run, or this visit, answers will be remembered under this key."""
    if event.node_id is None or event.visit is None:
        state.cache_key = event.cache_key
    else:
        state.node_cache_keys[Visit(event.node_id, event.visit, event.scope)] = event.cache_key


def cache_hit(state: State, event: facts.CacheHit) -> None:
    """Answered from memory."""
    state.figures.cache_hits += 1


def variable_changed(state: State, event: facts.VariableChanged) -> None:
    """Later expressions see the new value."""
    if event.deleted:
        state.variables.pop(event.name, None)
    else:
        state.variables[event.name] = event.value


def node_completed(state: State, event: facts.NodeCompleted) -> None:
    """Done for good; its tokens move on."""
    visit = visit_of(event)
    leave(state, visit)
    state.opened.pop(visit, None)
    state.failed.pop(visit, None)
    state.throttled.discard(visit)
    state.idle_claims = 0
    state.figures.add_node(event)
    if state.compensation is not None and state.compensation.visit == visit:
        state.compensation.visit = None
    elif (frame := state.frames.get(event.scope)) is not None:
        note_owed(state, visit, event)
        frame.completed(event)
        look_at_body(state, visit)


def note_owed(state: State, visit: Visit, event: facts.NodeCompleted) -> None:
    """Remember that the visit can be undone."""
    by = policy_of(state.node(visit), "compensate")
    if by is not None and not event.fell_back:
        state.owed.append(Owed(visit, by, event.output, state.frame(visit.scope)))


def look_at_body(state: State, visit: Visit) -> None:
    """When nothing is left to do in a pass, its body must be looked at."""
    frame = state.frames[visit.scope]
    if frame.opener is not None and frame.quiet:
        opened = state.opened.get(frame.opener)
        if opened is not None:
            opened.quiet.add(frame.index)
            state.unsettled[frame.opener] = None


def node_failed(state: State, event: facts.NodeFailed) -> None:
    """Not in flight any more; what follows is for the retry middleware to say, then for the graph."""
    visit = visit_of(event)
    leave(state, visit)
    if visit in state.opened:
        state.broken[visit] = state.opened.pop(visit)
    state.throttled.discard(visit)
    state.idle_claims = 0
    state.failed[visit] = event
    state.figures.errors += 1
    state.figures.add_time(event.node_id, event.duration_ms)


def retry_scheduled(state: State, event: facts.NodeRetryScheduled) -> None:
    """The failure is answered: another attempt at `due_at`, from the beginning."""
    visit = visit_of(event)
    state.failed.pop(visit, None)
    state.broken.pop(visit, None)
    state.figures.retries += 1
    state.timers[visit] = Timer(event.due_at, event.attempt, retry=True, since=event.timestamp)


def error_caught(state: State, event: facts.ErrorCaught) -> None:
    """The failure is answered: the run goes on by error edges, with the error in scope."""
    visit = visit_of(event)
    state.failed.pop(visit, None)
    state.broken.pop(visit, None)
    if (frame := state.frames.get(event.scope)) is not None:
        frame.error = event.error.model_dump(mode="json")
        frame.outputs[event.node_id] = {"error": frame.error}
        frame.flow.finish(event.node_id, event.taken)
        look_at_body(state, visit)


def node_cancelled(state: State, event: facts.NodeCancelled) -> None:
    """Nobody waits for it any more; a withdrawn visit's branch dies, one that ended with its frame may be revived."""
    visit = visit_of(event)
    leave(state, visit)
    opened = state.opened.pop(visit, None)
    state.throttled.discard(visit)
    frame, compensation = state.frames.get(event.scope), state.compensation
    if compensation is not None and compensation.visit == visit:
        state.failed.pop(visit, None)
        compensation.visit = None
        compensation.failed += [compensation.owed.visit.node_id] if compensation.owed else []
        return
    if frame is None:
        return
    if event.reason == "ended":
        frame.broken_off[visit] = event.attempt + (frame.graph.nodes[event.node_id].type == CALL_TYPE)
        if opened is not None:
            state.broken[visit] = opened
        return
    frame.flow.finish(event.node_id, event.taken)
    look_at_body(state, visit)


def branches_withdrawn(state: State, event: facts.BranchesWithdrawn) -> None:
    """No token lives at these nodes any more."""
    if (frame := state.frames.get(event.scope)) is not None:
        frame.flow.withdraw(event.nodes)
        look_at_body(state, visit_of(event))


NODES: Mapping[type[facts.InstanceEvent], Callable[[State, Any], None]] = {
    facts.NodeStarted: node_started,
    facts.TimerScheduled: timer_scheduled,
    facts.NodeThrottled: node_throttled,
    facts.CacheAwaited: cache_awaited,
    facts.CacheMissed: cache_missed,
    facts.CacheHit: cache_hit,
    facts.VariableChanged: variable_changed,
    facts.NodeCompleted: node_completed,
    facts.NodeFailed: node_failed,
    facts.NodeRetryScheduled: retry_scheduled,
    facts.ErrorCaught: error_caught,
    facts.NodeCancelled: node_cancelled,
    facts.BranchesWithdrawn: branches_withdrawn,
}
