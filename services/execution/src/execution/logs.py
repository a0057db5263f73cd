"""Facts of a run told for people: a level, a sentence and the details (pure)."""

from collections.abc import Callable
from typing import Any

from contracts import instance_events as facts
from contracts.execution import Level, LogEntry, StreamLine
from contracts.message import PLACE

TOLD_ELSEWHERE = {*PLACE, "timestamp"}

WARNINGS = frozenset({"InstanceThrottled", "NodeRetryScheduled", "InstanceCancelRequested", "NodeCancelled"})
ERRORS = frozenset({"NodeFailed", "InstanceFailed"})


def level_of(event: facts.InstanceEvent) -> Level:
    """How serious the fact is."""
    name = type(event).__name__
    if name in ERRORS:
        return "error"
    return "warn" if name in WARNINGS or name == "InstanceCancelled" else "info"


def sentence(event: facts.InstanceEvent) -> str:
    """The fact as one sentence."""
    if isinstance(event, facts.NodeEvent):
        return node_sentence(event)
    tell = SENTENCES.get(type(event))
    return tell(event) if tell else type(event).__name__


SENTENCES: dict[type[facts.InstanceEvent], Callable[[Any], str]] = {
    facts.InstanceRequested: lambda _: "Accepted.",
    facts.InstanceAdmitted: lambda _: "Admitted by the rate limit.",
    facts.InstanceThrottled: lambda event: f"Held back by the rate limit until {event.due_at:%H:%M:%S}.",
    facts.CacheMissed: lambda _: "Not in memory yet.",
    facts.CacheHit: lambda event: f"Answered from memory; instance {event.answered_by} answered the same before.",
    facts.InstanceClaimed: lambda event: f"Worker {event.worker_id} took over (epoch {event.epoch}).",
    facts.InstanceStarted: lambda _: "Started.",
    facts.VariableChanged: lambda event: f"Variable {event.name} was {'deleted' if event.deleted else 'set'}.",
    facts.InstanceSuspended: lambda _: "Waiting.",
    facts.InstanceCancelRequested: lambda event: f"{event.by} asked to cancel.",
    facts.InstanceCompleted: lambda event: f"Completed in {event.figures.execution_time_ms:g} ms.",
    facts.InstanceFailed: lambda event: f"Failed: {event.error.message}",
    facts.InstanceCancelled: lambda _: "Cancelled.",
}
"""Each fact about the whole instance in words."""


def node_sentence(event: facts.NodeEvent) -> str:
    """A fact about a node as one sentence."""
    node = f"Node {event.node_id}"
    match event:
        case facts.NodeStarted():
            return f"{node} started." if event.attempt == 1 else f"{node} started, attempt {event.attempt}."
        case facts.NodeCompleted():
            return f"{node} completed in {event.duration_ms:g} ms."
        case facts.NodeFailed():
            return f"{node} failed: {event.error.message}"
        case facts.NodeRetryScheduled():
            return f"{node} is tried again at {event.due_at:%H:%M:%S}, attempt {event.attempt}."
        case facts.TimerScheduled():
            return f"{node} waits until {event.due_at:%H:%M:%S}."
        case _:
            return f"{node} was cancelled."


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
