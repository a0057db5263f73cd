"""Giving up: visits whose result is not wanted any more, branches, passes of bodies, everything."""

from collections.abc import Collection, Iterable
from typing import Literal

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain.decisions.finishing import leave_section
from execution.domain.decisions.places import PURE_ERRORS, at
from execution.domain.frames import Frame
from execution.domain.routing import catching_edges
from execution.domain.turn import Turn
from execution.domain.visits import Visit, pass_scope

Reason = Literal["ended", "withdrawn", "requested"]


def withdraw(turn: Turn, cause: Visit, node_ids: Collection[str]) -> None:
    """At `cause`, give up whatever goes on at these nodes of its graph; their branches die."""
    here = set(node_ids)
    turn.record(facts.BranchesWithdrawn, **at(cause, 1), nodes=tuple(node_ids))
    chosen = [visit for visit, _ in turn.instance.live() if visit.scope == cause.scope and visit.node_id in here]
    give_up(turn, (visit for visit in chosen if visit != cause), "withdrawn")


def give_up(turn: Turn, visits: Iterable[Visit], reason: Reason) -> None:
    """Record of each visit that it is not waited for, of a body what goes on inside it first."""
    attempts = dict(turn.instance.live())
    for visit in visits:
        if visit not in attempts:
            continue
        close_passes(turn, visit, reason)
        leave_section(turn, visit)
        taken = caught(turn, visit) if reason == "requested" else ()
        turn.record(facts.NodeCancelled, **at(visit, attempts[visit]), reason=reason, taken=taken)


def close_passes(turn: Turn, visit: Visit, reason: Reason) -> None:
    """Give up the passes of a body that live."""
    opened = turn.instance.opened.get(visit)
    if opened is None:
        return
    for index in sorted(opened.live):
        give_up_pass(turn, visit, opened.attempt, index, reason)


def give_up_pass(turn: Turn, opener: Visit, attempt: int, index: int, reason: Reason) -> None:
    """Give up one pass and all that goes on in it."""
    frame = pass_of(turn, opener, attempt, index)
    if frame is not None:
        empty(turn, frame, reason)
    turn.record(facts.BodyCancelled, **at(opener, attempt), index=index)


def pass_of(turn: Turn, opener: Visit, attempt: int, index: int) -> Frame | None:
    """The frame of one pass of a body."""
    return turn.instance.frames.get(pass_scope(opener, attempt, index))


def empty(turn: Turn, frame: Frame, reason: Reason) -> None:
    """Give up whatever lives in a frame; what has only become ready never begins."""
    give_up(turn, [visit for visit, _ in turn.instance.live() if visit.scope == frame.scope], reason)


def caught(turn: Turn, visit: Visit) -> tuple[int, ...]:
    """The error edges that the run goes on by when somebody cancels the visit."""
    error = RunError(type="cancelled", code="node_cancelled", message="Cancelled by request.", node_id=visit.node_id)
    try:
        return catching_edges(turn.instance, visit, error)
    except PURE_ERRORS:
        return ()


def cancel_as_asked(turn: Turn) -> None:
    """Do what was asked from outside: give up single visits, wherever in the graph they are."""
    instance = turn.instance
    for visit in list(instance.cancel_visits):
        if visit in instance.ready:
            turn.record(facts.NodeCancelled, **at(visit, 1), reason="requested", taken=caught(turn, visit))
        else:
            give_up(turn, [visit], "requested")


def leave_forsaken_sections(turn: Turn) -> None:
    """Give back the places of visits that failed, or were given up, without having begun again."""
    instance = turn.instance
    busy = {visit for visit, _ in instance.live()} | instance.ready.keys() | instance.failed.keys()
    for place in [place for place in instance.held if place is not None and place not in busy]:
        leave_section(turn, place)


def give_up_everything(turn: Turn) -> None:
    """Nothing in flight is waited for any more, in whatever frame; a retry may take it up again."""
    instance = turn.instance
    give_up(turn, [visit for visit, _ in instance.live() if visit.scope == ""], "ended")
    give_up(turn, [visit for visit, _ in list(instance.live())], "ended")
    for place in [*instance.held, *instance.queueing]:
        leave_section(turn, place)
