"""Facts of what a run waits for, and of what comes from outside: signals, approvals, children, sections, orders."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts import instance_events as facts
from execution.domain.folds.nodes import expiry, visit_of
from execution.domain.state import Place, State
from execution.domain.visits import Child, Visit, Wait


def wait_started(state: State, event: facts.WaitStarted) -> None:
    """From running to waiting for somebody."""
    visit = visit_of(event)
    state.running.pop(visit, None)
    since = event.timestamp
    state.waits[visit] = Wait(event.waits_for, event.attempt, since, expiry(state, visit, since))


def wait_ended(state: State, event: facts.WaitEnded) -> None:
    """What was waited for came; a signal is used up."""
    visit = visit_of(event)
    state.approvals.pop((visit, event.label), None)
    if event.signal_id is not None:
        state.signals = [signal for signal in state.signals if signal.signal_id != event.signal_id]


def signal_received(state: State, event: facts.SignalReceived) -> None:
    """Kept until a wait takes it."""
    state.signals.append(event)
    state.received.add(event.signal_id)
    if any(takes(wait, event) for waits in state.waits.values() for wait in waits.waits_for):
        state.stirred = True


def takes(wait: facts.WaitFor, signal: facts.SignalReceived) -> bool:
    """Whether this is what is waited for: the name fits, and a signal with a key needs a wait for that key."""
    return wait.kind == "signal" and wait.name == signal.name and (signal.key is None or wait.key == signal.key)


def approval_decided(state: State, event: facts.ApprovalDecided) -> None:
    """Kept until the visit takes it; the first decision counts."""
    state.approvals.setdefault((Visit(event.node_id, event.visit, event.scope), event.label), event)
    state.stirred = True


def child_started(state: State, event: facts.ChildStarted) -> None:
    """From running to waiting for another instance, unless nobody waits for it."""
    visit = visit_of(event)
    if not event.detached:
        if event.child_id not in state.children_ended:
            state.offspring[event.child_id] = visit
        state.running.pop(visit, None)
        since = event.timestamp
        state.children[event.child_id] = Child(visit, event.attempt, since, expiry(state, visit, since))


def child_ended(state: State, event: facts.ChildEnded) -> None:
    """Kept until the visit takes it."""
    state.children_ended[event.child_id] = event
    state.offspring.pop(event.child_id, None)
    state.stirred = True


def section_requested(state: State, event: facts.SectionRequested) -> None:
    """The visit, or the instance, queues."""
    place = place_of(event)
    if place is not None:
        state.ready.pop(place, None)
        if (timer := state.timers.pop(place, None)) is not None:
            state.next_attempt[place] = timer.attempt
    state.queueing[place] = event


def section_entered(state: State, event: facts.SectionEntered) -> None:
    """It may go on; an entrance that nobody waits for any more changes nothing."""
    place = place_of(event)
    if state.queueing.pop(place, None) is None:
        return
    state.held[place] = event.section_key
    state.stirred = True
    if place is not None:
        state.ready[place] = None


def section_left(state: State, event: facts.SectionLeft) -> None:
    """The place is given back."""
    place = place_of(event)
    state.held.pop(place, None)
    state.queueing.pop(place, None)


def place_of(event: facts.SectionEvent) -> Place:
    """Who the section fact is about."""
    if event.node_id is None or event.visit is None:
        return None
    return Visit(event.node_id, event.visit, event.scope)


def cancel_requested(state: State, event: facts.InstanceCancelRequested) -> None:
    """The owner ends it at its next decision; a pause would keep it from undoing what was done."""
    state.cancel_requested_by = event.by
    state.pause_requested_by = None
    state.stirred = True


def terminate_requested(state: State, event: facts.InstanceTerminateRequested) -> None:
    """The owner ends it at once."""
    state.terminate_requested_by = event.by
    state.stirred = True


def pause_requested(state: State, event: facts.InstancePauseRequested) -> None:
    """Nothing further begins."""
    state.pause_requested_by = event.by
    state.stirred = True


def resumed(state: State, event: facts.InstanceResumed) -> None:
    """It goes on."""
    state.pause_requested_by = None
    state.stirred = True
    if state.status == "paused":
        state.status = "waiting"
        state.resumes_at = event.timestamp
    if state.paused_at is not None and state.timed_from is not None:
        state.timed_from += event.timestamp - state.paused_at
    state.paused_at = None


def node_cancel_requested(state: State, event: facts.NodeCancelRequested) -> None:
    """The owner gives up what goes on there now; what comes later is not meant."""
    live = (visit for visit, _ in state.live())
    for visit in [visit for visit in (*live, *state.ready) if visit.node_id == event.node_id]:
        state.cancel_visits[visit] = None
        state.stirred = True


WAITING: Mapping[type[facts.InstanceEvent], Callable[[State, Any], None]] = {
    facts.WaitStarted: wait_started,
    facts.WaitEnded: wait_ended,
    facts.SignalReceived: signal_received,
    facts.ApprovalDecided: approval_decided,
    facts.ChildStarted: child_started,
    facts.ChildEnded: child_ended,
    facts.SectionRequested: section_requested,
    facts.SectionEntered: section_entered,
    facts.SectionLeft: section_left,
    facts.InstanceCancelRequested: cancel_requested,
    facts.InstanceTerminateRequested: terminate_requested,
    facts.InstancePauseRequested: pause_requested,
    facts.InstanceResumed: resumed,
    facts.NodeCancelRequested: node_cancel_requested,
}
