"""Facts of the passes of loops, maps and regions."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts import instance_events as facts
from execution.domain.folds.nodes import visit_of
from execution.domain.frames import NOTHING, Frame, pass_frame
from execution.domain.state import State
from execution.domain.visits import Opened, pass_scope


def body_started(state: State, event: facts.BodyStarted) -> None:
    """A pass begins at the start of the body, with its item."""
    visit = visit_of(event)
    opened, around = state.opened.get(visit), state.frames.get(event.scope)
    if opened is None or around is None:
        return
    opened.begun = event.index + 1
    opened.live.add(event.index)
    item = NOTHING if opened.items is None else opened.items[event.index]
    frame = pass_frame(around, visit, event.attempt, event.index, item)
    state.frames[frame.scope] = frame
    frame.flow.begin()


def closed(state: State, event: facts.NodeEvent, index: int) -> tuple[Opened, Frame | None] | None:
    """The body and the frame of a pass that is over; None when the graph is not known."""
    opened = state.opened.get(visit_of(event))
    around = state.frames.get(event.scope)
    if opened is None or around is None:
        return None
    opened.live.discard(index)
    opened.quiet.discard(index)
    state.unsettled[visit_of(event)] = None
    return opened, state.frames.pop(pass_scope(visit_of(event), event.attempt, index), None)


def body_completed(state: State, event: facts.BodyCompleted) -> None:
    """A pass is done."""
    if (over := closed(state, event, event.index)) is not None:
        opened, frame = over
        if frame is not None and frame.stopped:
            forget_rest(state, frame)
        opened.last = frame
        opened.results[event.index] = event.output
        opened.broke |= event.broke


def forget_rest(state: State, frame: Frame) -> None:
    """What giving up the rest of a pass has made ready never begins, and nobody answers what failed there."""
    frame.forget_ready()
    for visit in [visit for visit in state.failed if visit.scope == frame.scope]:
        del state.failed[visit]


def body_failed(state: State, event: facts.BodyFailed) -> None:
    """A pass has failed; it is kept for a retry of the instance."""
    if (over := closed(state, event, event.index)) is not None:
        opened, frame = over
        opened.failures[event.index] = event.error
        keep(state, opened, event.index, frame)


def body_cancelled(state: State, event: facts.BodyCancelled) -> None:
    """A pass was given up."""
    if (over := closed(state, event, event.index)) is not None:
        opened, frame = over
        keep(state, opened, event.index, frame)


def keep(state: State, opened: Opened, index: int, frame: Frame | None) -> None:
    """Remember a pass with what failed in it."""
    if frame is None:
        return
    opened.broken[index] = frame
    for visit in [visit for visit in state.failed if visit.scope == frame.scope]:
        frame.broken_off[visit] = state.failed.pop(visit).attempt + 1
    for visit in [visit for visit in state.ready if visit.scope == frame.scope]:
        frame.broken_off[visit] = state.next_attempt.get(visit, 1)
        del state.ready[visit]


BODIES: Mapping[type[facts.InstanceEvent], Callable[[State, Any], None]] = {
    facts.BodyStarted: body_started,
    facts.BodyCompleted: body_completed,
    facts.BodyFailed: body_failed,
    facts.BodyCancelled: body_cancelled,
}
