"""What is left of a run's facts once their content is forgotten: that and when it happened, and what it took (pure)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts import instance_events as facts
from contracts.execution import RunError

ERASED = "Erased."
"""In the place of a text that somebody reads."""

Blank = Callable[[Any], dict[str, Any]]


def without_error_text(event: Any) -> dict[str, Any]:
    """The error keeps its type, code and node."""
    error: RunError | None = event.error
    return {"error": error and error.model_copy(update={"message": ERASED})}


def without_output(event: Any) -> dict[str, Any]:
    """No output."""
    return {"output": None}


def without_terms(event: facts.WaitStarted) -> dict[str, Any]:
    """What was waited for, without the words and keys of it."""
    return {
        "waits_for": tuple(
            wait.model_copy(update={"key": wait.key and ERASED, "terms": None}) for wait in event.waits_for
        )
    }


def without_section(event: facts.SectionEvent) -> dict[str, Any]:
    """The same key for all: which runs excluded each other is of no interest any more."""
    return {"section_key": ERASED}


BLANKS: Mapping[type[facts.InstanceEvent], Blank] = {
    facts.InstanceRequested: lambda _: {"input": None, "metadata": {}, "conversation_id": None},
    facts.NodeStarted: lambda event: {"items": event.items and [None] * len(event.items)},
    facts.WaitStarted: without_terms,
    facts.VariableChanged: lambda _: {"value": None},
    facts.NodeCompleted: without_output,
    facts.NodeFailed: without_error_text,
    facts.ErrorCaught: without_error_text,
    facts.BodyCompleted: without_output,
    facts.BodyFailed: without_error_text,
    facts.SectionRequested: without_section,
    facts.SectionEntered: without_section,
    facts.SectionLeft: without_section,
    facts.InstanceRetryScheduled: without_error_text,
    facts.CompensationStarted: without_error_text,
    facts.SignalReceived: lambda event: {"payload": None, "key": event.key and ERASED},
    facts.ApprovalDecided: lambda _: {"comment": None, "form": None},
    facts.ChildEnded: lambda event: without_output(event) | without_error_text(event),
    facts.InstanceCompleted: without_output,
    facts.InstanceFailed: without_error_text,
    facts.SignalPosted: lambda _: {"payload": None, "key": ERASED},
}
"""The facts that hold what a user gave or was given, and what stands in its place."""


def to_be_erased(history: Sequence[facts.InstanceEvent]) -> bool:
    """Whether a run is over, as far as it is recorded, and still has its content; facts between may be archived."""
    turns = (facts.InstanceEnded, facts.InstanceRetried, facts.InstanceErased)
    last = next((event for event in reversed(history) if isinstance(event, turns)), None)
    return isinstance(last, facts.InstanceEnded) and isinstance(history[0], facts.InstanceRequested)


def erased(event: facts.InstanceEvent) -> facts.InstanceEvent:
    """The fact without content; one that has none is the same."""
    blank = BLANKS.get(type(event))
    return event if blank is None else event.model_copy(update=blank(event))
