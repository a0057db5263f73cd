"""Every fact of a run as one sentence for people (pure)."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts import instance_events as facts

WAITS: Mapping[str, Callable[[facts.WaitFor], str]] = {
    "signal": lambda wait: f"the signal {wait.name}" + (f" for {wait.key}" if wait.key else ""),
    "approval": lambda wait: (
        f"an approval by {approvers(wait)}" + (f" until {time(wait.due_at)}" if wait.due_at else "")
    ),
    "time": lambda wait: time(wait.due_at),
}
CANCELLED: Mapping[str, str] = {
    "ended": "was cancelled: the run ended",
    "withdrawn": "was withdrawn: another branch went on",
    "requested": "was cancelled, as somebody asked",
}


def sentence(event: facts.InstanceEvent) -> str:
    """The fact as one sentence; a fact that no sentence is known for is told by its name."""
    tell = SENTENCES.get(type(event))
    return tell(event) if tell else f"{type(event).__name__}."


def time(moment: Any) -> str:
    """A time of day in UTC, or what to say of none."""
    return f"{moment:%H:%M:%S}" if moment else "some time"


def node(event: Any) -> str:
    """The node, and the pass or item it belongs to; people count passes from 1."""
    if not event.scope:
        return f"Node {event.node_id}"
    body, _, _, index = event.scope.rsplit("/", 1)[-1].split(":")
    return f"Node {event.node_id} (pass {int(index) + 1} of {body})"


def body_pass(event: Any) -> str:
    """One pass of a loop, a map or a region."""
    return f"Pass {event.index + 1} of {event.node_id}"


def holder(event: Any) -> str:
    """Who is remembered, or queues: a node, or the whole run."""
    return node(event) if event.node_id else "The run"


def saved(event: facts.CacheHit) -> str:
    """What was not spent again, as far as it was anything."""
    parts = [
        f"{event.saved_ms / 1000:.1f} s" if event.saved_ms else "",
        f"{event.saved_tokens} tokens" if event.saved_tokens else "",
        f"{event.saved_cost:f} US dollars" if event.saved_cost else "",
    ]
    told = ", ".join(part for part in parts if part)
    return f", saving {told}" if told else ""


def approvers(wait: facts.WaitFor) -> str:
    """Who may decide."""
    named = (wait.terms or {}).get("approvers") or {}
    people = [*named.get("users", ()), *(f"team {team}" for team in named.get("teams", ()))]
    return " or ".join(people) if people else "the owner or the team"


def waits(event: facts.WaitStarted) -> str:
    """What a wait waits for."""
    return ", or for ".join(WAITS[wait.kind](wait) for wait in event.waits_for)


def started(event: facts.NodeStarted) -> str:
    """A visit began, perhaps not for the first time."""
    again = f", attempt {event.attempt}" if event.attempt > 1 else ""
    things = f" with {len(event.items)} items" if event.items is not None else ""
    return f"{node(event)} started{things}{again}."


def completed(event: facts.NodeCompleted) -> str:
    """A visit is done, perhaps with its fallback."""
    if event.fell_back:
        return f"{node(event)} goes on with its fallback value."
    return f"{node(event)} completed in {event.duration_ms:g} ms."


def compensation_started(event: facts.CompensationStarted) -> str:
    """Why what was done is undone."""
    why = f"it failed: {event.error.message}" if event.error else "it was cancelled."
    return f"What was done is undone, the last first, because {why}"


def child_ended(event: facts.ChildEnded) -> str:
    """How a child ended."""
    return f"Instance {event.child_id} {event.outcome}" + (f": {event.error.message}" if event.error else ".")


def decided(event: facts.ApprovalDecided) -> str:
    """What somebody decided."""
    word = "approved" if event.approved else "rejected"
    return f"{event.by} {word} {node(event)[0].lower()}{node(event)[1:]}" + (
        f": {event.comment}" if event.comment else "."
    )


SENTENCES: Mapping[type[facts.InstanceEvent], Callable[[Any], str]] = {
    facts.InstanceRequested: lambda event: (
        f"Accepted for instance {event.parent.instance_id}." if event.parent else "Accepted."
    ),
    facts.InstanceAdmitted: lambda _: "Admitted by the rate limit.",
    facts.InstanceThrottled: lambda event: f"Held back by the rate limit until {time(event.due_at)}.",
    facts.CacheMissed: lambda event: (
        f"{holder(event)} is not in memory yet." if event.node_id else "Not in memory yet."
    ),
    facts.CacheHit: lambda event: (
        f"Answered from memory{saved(event)}; instance {event.answered_by} answered the same before."
    ),
    facts.CacheAwaited: lambda event: (
        f"Somebody works the same answer out; memory is asked again at {time(event.due_at)}."
    ),
    facts.InstanceClaimed: lambda event: f"Worker {event.worker_id} took over (epoch {event.epoch}).",
    facts.InstanceStarted: lambda _: "Started.",
    facts.NodeStarted: started,
    facts.TimerScheduled: lambda event: f"{node(event)} waits until {time(event.due_at)}.",
    facts.NodeThrottled: lambda event: f"{node(event)} is held back by the rate limit until {time(event.due_at)}.",
    facts.WaitStarted: lambda event: f"{node(event)} waits for {waits(event)}.",
    facts.WaitEnded: lambda event: f"{node(event)} waits no more: {event.label or 'it'} came.",
    facts.VariableChanged: lambda event: f"Variable {event.name} was {'deleted' if event.deleted else 'set'}.",
    facts.NodeCompleted: completed,
    facts.NodeFailed: lambda event: f"{node(event)} failed: {event.error.message}",
    facts.NodeRetryScheduled: lambda event: (
        f"{node(event)} is tried again at {time(event.due_at)}, attempt {event.attempt}."
    ),
    facts.ErrorCaught: lambda event: f"{node(event)} failed for good; the run goes on by its error edge.",
    facts.NodeCancelled: lambda event: f"{node(event)} {CANCELLED[event.reason]}.",
    facts.BranchesWithdrawn: lambda event: f"{node(event)} withdraws what goes on at {', '.join(event.nodes)}.",
    facts.BodyStarted: lambda event: f"{body_pass(event)} started.",
    facts.BodyCompleted: lambda event: f"{body_pass(event)} completed" + (", and is the last." if event.broke else "."),
    facts.BodyFailed: lambda event: f"{body_pass(event)} failed: {event.error.message}",
    facts.BodyCancelled: lambda event: f"{body_pass(event)} was cancelled.",
    facts.ChildStarted: lambda event: (
        f"{node(event)} started instance {event.child_id}" + (", which nobody waits for." if event.detached else ".")
    ),
    facts.CompensationBegun: lambda event: f"{node(event)} undoes what {event.compensated} did.",
    facts.SectionRequested: lambda event: (
        f"{holder(event)} queues for section {event.section_key}, at most {event.limit} at once."
    ),
    facts.SectionEntered: lambda event: f"Section {event.section_key} entered.",
    facts.SectionLeft: lambda event: f"Section {event.section_key} left.",
    facts.InstanceSuspended: lambda event: f"Waiting until {time(event.due_at)}." if event.due_at else "Waiting.",
    facts.InstancePaused: lambda _: "Paused.",
    facts.InstanceRetryScheduled: lambda event: (
        f"Failed: {event.error.message} Goes on from there at {time(event.due_at)}, try {event.attempt}."
    ),
    facts.CompensationStarted: compensation_started,
    facts.SignalReceived: lambda event: (
        f"Signal {event.name} received from {event.by}" + ("; nobody waits for it yet." if event.early else ".")
    ),
    facts.ApprovalDecided: decided,
    facts.ChildEnded: child_ended,
    facts.InstanceCancelRequested: lambda event: f"{event.by} asked to cancel.",
    facts.InstanceTerminateRequested: lambda event: f"{event.by} asked to terminate.",
    facts.InstancePauseRequested: lambda event: f"{event.by} asked to pause.",
    facts.InstanceResumed: lambda event: f"{event.by} resumed it.",
    facts.InstanceRetried: lambda event: f"{event.by} let it go on from where it failed.",
    facts.NodeCancelRequested: lambda event: f"{event.by} asked to cancel node {event.node_id}.",
    facts.InstanceCompleted: lambda event: f"Completed in {event.figures.execution_time_ms:g} ms.",
    facts.InstanceFailed: lambda event: f"Failed: {event.error.message}",
    facts.InstanceCancelled: lambda _: "Cancelled.",
    facts.InstanceTerminated: lambda _: "Terminated.",
    facts.InstanceErased: lambda _: "What it held of its user's was erased.",
    facts.SignalPosted: lambda event: f"Signal {event.name} for {event.key} received from {event.by}.",
    facts.SignalAwaited: lambda event: f"Instance {event.instance_id} waits at node {event.node_id}.",
    facts.SignalTaken: lambda event: f"Instance {event.instance_id} took the signal.",
    facts.IdempotencyKeyTaken: lambda event: f"The key names {event.instance_id} from now on.",
}
