"""Facts of a run told for people: a level, a sentence and the details (pure)."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts import instance_events as facts
from contracts.execution import Level, LogEntry, StreamLine
from contracts.message import PLACE
from execution.reading.log_sentences import sentence

TOLD_ELSEWHERE = {*PLACE, "timestamp"}

LEVELS: Mapping[type[facts.InstanceEvent], Level] = {
    **dict.fromkeys((facts.NodeFailed, facts.BodyFailed, facts.InstanceFailed), "error"),
    **dict.fromkeys(
        (
            facts.InstanceThrottled,
            facts.NodeThrottled,
            facts.NodeRetryScheduled,
            facts.InstanceRetryScheduled,
            facts.ErrorCaught,
            facts.CompensationStarted,
            facts.BodyCancelled,
            facts.NodeCancelRequested,
            facts.InstancePauseRequested,
            facts.InstanceCancelRequested,
            facts.InstanceTerminateRequested,
            facts.InstanceCancelled,
            facts.InstanceTerminated,
        ),
        "warn",
    ),
}
"""How serious a kind of fact is, where it is more than a piece of information."""
DEPENDING: Mapping[type[facts.InstanceEvent], Callable[[Any], bool]] = {
    facts.NodeCompleted: lambda event: event.fell_back,
    facts.NodeCancelled: lambda event: event.reason != "withdrawn",
    facts.ChildEnded: lambda event: event.outcome != "completed",
    facts.ApprovalDecided: lambda event: not event.approved,
}
"""Kinds of which some facts are worth a warning and others are not."""


def level_of(event: facts.InstanceEvent) -> Level:
    """How serious the fact is."""
    serious = DEPENDING.get(type(event))
    if serious is not None:
        return "warn" if serious(event) else "info"
    return LEVELS.get(type(event), "info")


def details(event: facts.InstanceEvent) -> dict[str, Any]:
    """Everything else that was recorded; money as a JSON number, as everywhere outside."""
    told = event.model_dump(mode="json", exclude=TOLD_ELSEWHERE)
    for holder in (told, told.get("figures")):
        if isinstance(holder, dict) and "cost" in holder:
            holder["cost"] = float(holder["cost"])
    return told


def log_entry(event: facts.InstanceEvent) -> LogEntry:
    """The fact as an entry of the log."""
    return LogEntry(
        seq=event.originator_version,
        time=event.timestamp,
        level=level_of(event),
        event=type(event).__name__,
        node_id=getattr(event, "node_id", None),
        visit=getattr(event, "visit", None),
        attempt=getattr(event, "attempt", None),
        message=sentence(event),
        data=details(event),
    )


def stream_line(event: facts.InstanceEvent) -> StreamLine:
    """The fact as a line of a stream."""
    return StreamLine(
        seq=event.originator_version,
        event=type(event).__name__,
        instance_id=event.originator_id,
        time=event.timestamp,
        data=details(event),
    )
