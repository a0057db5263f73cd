"""Waiting for somebody outside: a signal, an approval, another instance, or the first of several."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts import instance_events as facts
from contracts.workflow import Node
from execution.domain.decisions.approval_terms import approval_terms
from execution.domain.decisions.finishing import complete_node, fail_node
from execution.domain.decisions.moments import delay_seconds, time_named
from execution.domain.decisions.places import at
from execution.domain.figures import milliseconds
from execution.domain.folds.waiting import takes
from execution.domain.routing import rendered_config
from execution.domain.state import State
from execution.domain.turn import Turn
from execution.domain.visits import Try, Visit, Wait
from execution.nodes.action import NodeFailure, NodeResult

MAX_KEY_CHARACTERS = 512

Came = tuple[datetime, facts.WaitFor, facts.SignalReceived | facts.ApprovalDecided | None]
"""When something came, what it was awaited as, and the fact; None is a time or a deadline."""


def begin_wait(turn: Turn, node: Node, visit: Visit, attempt: int) -> None:
    """Record what is waited for."""
    config = rendered_config(turn.instance, visit, node)
    if node.type == "race":
        written = node.config["waits"]
        waits = tuple(race_wait(label, written[label], wait, turn.now) for label, wait in config["waits"].items())
    elif node.type == "signal":
        waits = (signal_wait("", config["name"], node.config, config),)
    else:
        waits = (approval_wait("", node.config, config, turn.now),)
    turn.record(facts.NodeStarted, **at(visit, attempt), node_type=node.type)
    turn.record(facts.WaitStarted, **at(visit, attempt), waits_for=waits)


def race_wait(label: str, written: Mapping[str, Any], wait: Mapping[str, Any], now: datetime) -> facts.WaitFor:
    """One of the waits of a race, as `written` and with its templates rendered."""
    if wait.get("signal") is not None:
        return signal_wait(label, wait["signal"], written, wait)
    if wait.get("approval") is not None:
        return approval_wait(label, written["approval"], wait["approval"], now)
    if wait.get("seconds") is not None:
        return facts.WaitFor(label=label, kind="time", due_at=now + timedelta(seconds=delay_seconds(wait["seconds"])))
    return facts.WaitFor(label=label, kind="time", due_at=max(now, time_named(wait["until"])))


def signal_wait(label: str, name: Any, written: Mapping[str, Any], wait: Mapping[str, Any]) -> facts.WaitFor:
    """A wait for a signal, perhaps with a key: text or a number."""
    key = None if written.get("key") is None else key_named(wait["key"])
    return facts.WaitFor(label=label, kind="signal", name=str(name), key=key)


def key_named(key: Any) -> str:
    """The key as text; raises `NodeFailure` for what is none, null included: nobody could send a signal to it."""
    if isinstance(key, bool) or not isinstance(key, str | int | float):
        raise NodeFailure("permanent", "bad_key", f"`key` must be text or a number, but is {key!r}.")
    if not 0 < len(str(key)) <= MAX_KEY_CHARACTERS:
        raise NodeFailure("permanent", "bad_key", f"`key` must have 1 to {MAX_KEY_CHARACTERS} characters.")
    return str(key)


def approval_wait(label: str, written: Mapping[str, Any], terms: Mapping[str, Any], now: datetime) -> facts.WaitFor:
    """A wait for somebody's decision, perhaps with a deadline."""
    seconds = terms.get("deadline_seconds")
    due_at = None if seconds is None else now + timedelta(seconds=delay_seconds(seconds))
    return facts.WaitFor(label=label, kind="approval", due_at=due_at, terms=approval_terms(written, terms))


def end_waits(turn: Turn) -> None:
    """Let every wait end for which something has come, or whose time is over."""
    instance = turn.instance
    for visit, wait in list(instance.waits.items()):
        came = came_first(instance, visit, wait, instance.signals, turn.now)
        if came is not None:
            end_wait(turn, visit, wait, came)
        elif wait.expires_at is not None and wait.expires_at <= turn.now:
            fail_node(
                turn, Try(visit, wait.attempt, milliseconds(wait.since, turn.now)), too_long(wait.since, turn.now)
            )
    end_children(turn)


def came_first(
    instance: State, visit: Visit, wait: Wait, signals: Sequence[facts.SignalReceived], now: datetime
) -> Came | None:
    """What ends the wait, of everything that could: the earliest, among equals what the node names first."""
    return min(what_came(instance, visit, wait, signals, now), key=lambda found: found[0], default=None)


def what_came(
    instance: State, visit: Visit, wait: Wait, signals: Sequence[facts.SignalReceived], now: datetime
) -> Iterator[Came]:
    """Everything that could end the wait, with the moment it came."""
    for awaited in wait.waits_for:
        signal = next((signal for signal in signals if takes(awaited, signal)), None)
        if signal is not None:
            yield signal.timestamp, awaited, signal
        decided = instance.approvals.get((visit, awaited.label)) if awaited.kind == "approval" else None
        if decided is not None:
            yield decided.timestamp, awaited, decided
        if awaited.due_at is not None and awaited.due_at <= now:
            yield awaited.due_at, awaited, None


def end_wait(turn: Turn, visit: Visit, wait: Wait, first: Came) -> None:
    """Record what ended it, and what the visit answers."""
    _, awaited, came = first
    signal_id = came.signal_id if isinstance(came, facts.SignalReceived) else None
    turn.record(facts.WaitEnded, **at(visit, wait.attempt), label=awaited.label, signal_id=signal_id)
    tried = Try(visit, wait.attempt, milliseconds(wait.since, turn.now))
    try:
        output = came.payload if isinstance(came, facts.SignalReceived) else answer_of(awaited, came)
    except NodeFailure as failure:
        fail_node(turn, tried, failure)
        return
    if turn.instance.node(visit).type == "race":
        output = {"winner": awaited.label, "output": output}
    complete_node(turn, tried, NodeResult(output))


def answer_of(awaited: facts.WaitFor, decided: facts.ApprovalDecided | None) -> Any:
    """What a time or an approval answers; raises `NodeFailure` for a rejection, or a deadline, that fails."""
    if awaited.kind == "time":
        return None
    terms = awaited.terms or {}
    if decided is None:
        at_deadline = terms.get("on_deadline", "fail")
        if at_deadline == "fail":
            raise NodeFailure("timeout", "approval_deadline", "Nobody decided before the deadline.")
        decision = {"approved": at_deadline == "approve", "by": None, "comment": None, "form": None}
    else:
        members = ("approved", "by", "comment", "form")
        decision = {name: getattr(decided, name) for name in members}
    if not decision["approved"] and terms.get("on_reject", "fail") == "fail":
        said = f": {decision['comment']}" if decision["comment"] else "."
        raise NodeFailure("rejected", "rejected", f"Rejected by {decision['by'] or 'the deadline'}{said}")
    return decision


def end_children(turn: Turn) -> None:
    """Take what the instances answered that visits wait for."""
    instance = turn.instance
    for child_id, child in list(instance.children.items()):
        ended = instance.children_ended.get(child_id)
        tried = Try(child.visit, child.attempt, milliseconds(child.since, turn.now))
        if ended is None:
            if child.expires_at is not None and child.expires_at <= turn.now:
                fail_node(turn, tried, too_long(child.since, turn.now))
        elif ended.outcome == "completed":
            complete_node(turn, tried, NodeResult(ended.output))
        else:
            fail_node(turn, tried, child_failure(ended))


def child_failure(ended: facts.ChildEnded) -> NodeFailure:
    """The failure of a visit whose child did not complete: of the child's type, its message inside."""
    if ended.error is None:
        return NodeFailure("cancelled", f"child_{ended.outcome}", f"Instance {ended.child_id} was {ended.outcome}.")
    message = f"Instance {ended.child_id} {ended.outcome}: {ended.error.message}"
    return NodeFailure(ended.error.type, f"child_{ended.outcome}", message)


def too_long(since: datetime, now: datetime) -> NodeFailure:
    """The failure of what is not over after its `timeout_seconds`."""
    return NodeFailure("timeout", "node_timeout", f"Not done after {(now - since).total_seconds():.3g} s.")
