"""The facts of a run in words, for a person who watches it (pure)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.durations import between, milliseconds
from headrace.waits import waits_of

NAME_WIDTH = 24
TYPE_WIDTH = 9


@dataclass(frozen=True)
class Told:
    """One fact that is to be told: the node it is about, if any, and the line it came in."""

    name: str
    kind: str
    data: Mapping[str, Any]
    line: Mapping[str, Any]

    @property
    def by(self) -> str:
        """Who did it."""
        return str(self.data.get("by") or "somebody")

    @property
    def when(self) -> str:
        """How far away the due time was when the fact was recorded."""
        try:
            return f"in {between(str(self.line['time']), str(self.data['due_at']))}"
        except (KeyError, ValueError):
            return "later"

    @property
    def reason(self) -> str:
        """What went wrong."""
        return str((self.data.get("error") or {}).get("message", "failed"))

    def row(self, sign: str, text: str) -> str:
        """A line of the node's own."""
        return f"{sign} {self.name:<{NAME_WIDTH}} {self.kind:<{TYPE_WIDTH}} {text}".rstrip()


def _completed(told: Told) -> str | None:
    data = told.data
    if told.kind == "start" and data.get("scope"):
        # Every pass of a body begins with one: what it brings is told by the nodes after it.
        return None
    facts = []
    if data.get("duration_ms"):
        facts.append(milliseconds(float(data["duration_ms"])))
    if data.get("prompt_tokens") or data.get("completion_tokens"):
        facts.append(f"{data.get('prompt_tokens', 0)} + {data.get('completion_tokens', 0)} tokens")
    facts += [f"{count} {data[count]}" for count in ("visit", "attempt") if int(data.get(count) or 1) > 1]
    facts += ["its fallback value"] if data.get("fell_back") else []
    return told.row("✓", " · ".join(facts))


def _waiting(told: Told) -> str:
    waits = waits_of(told.data)
    return told.row("…", "waits for " + ", or ".join(wait.told(told.line.get("time")) for wait in waits))


def _given_up(told: Told) -> str | None:
    why = {"requested": "given up", "withdrawn": "withdrawn: another branch came first"}
    reason = why.get(str(told.data.get("reason")))
    return told.row("■", reason) if reason else None


def _decided(told: Told) -> str:
    word = "approved" if told.data.get("approved") else "rejected"
    comment = f": {told.data['comment']}" if told.data.get("comment") else ""
    return told.row("✉", f"{word} by {told.by}{comment}")


def _cached(told: Told) -> str:
    answered = f"answered from the cache, as instance {told.data.get('answered_by')} was"
    return told.row("=", answered) if told.data.get("node_id") else f"= {answered}"


def _variable(told: Told) -> str:
    value = "deleted" if told.data.get("deleted") else json.dumps(told.data.get("value"), ensure_ascii=False)
    return Told(str(told.data.get("name")), "variable", told.data, told.line).row("=", value)


def _section(told: Told) -> str:
    turn = f"waits for its turn in `{told.data.get('section_key')}` ({told.data.get('limit')} at once)"
    return told.row("…", turn) if told.data.get("node_id") else f"… {turn}"


def _undoing(told: Told) -> str:
    why = f" ({told.reason})" if told.data.get("error") else ""
    return f"↶ undoes what was done, the last first{why}"


TELLERS: Mapping[str, Callable[[Told], str | None]] = {
    "NodeCompleted": _completed,
    "NodeFailed": lambda told: told.row("✗", f"attempt {told.data.get('attempt', 1)}: {told.reason}"),
    "NodeRetryScheduled": lambda told: told.row("↻", f"attempt {told.data.get('attempt')} follows {told.when}"),
    "NodeThrottled": lambda told: told.row("…", f"over its rate limit, goes on {told.when}"),
    "NodeCancelled": _given_up,
    "ErrorCaught": lambda told: told.row("↷", f"caught: {told.reason}"),
    "TimerScheduled": lambda told: told.row("…", f"goes on {told.when}"),
    "WaitStarted": _waiting,
    "SignalReceived": lambda told: f"✉ signal `{told.data.get('name')}` from {told.by}",
    "ApprovalDecided": _decided,
    "ChildStarted": lambda told: told.row("→", f"started run {told.data.get('child_id')}"),
    "CompensationStarted": _undoing,
    "CompensationBegun": lambda told: told.row("↶", f"undoes {told.data.get('compensated')}"),
    "InstanceRetryScheduled": lambda told: f"↻ {told.reason}: attempt {told.data.get('attempt')} follows {told.when}",
    "InstanceThrottled": lambda told: f"… over its rate limit, let in {told.when}",
    "CacheHit": _cached,
    "SectionRequested": _section,
    "VariableChanged": _variable,
    "InstanceCancelRequested": lambda told: f"■ {told.by} asked to cancel",
    "InstanceTerminateRequested": lambda told: f"■ {told.by} asked to terminate",
    "NodeCancelRequested": lambda told: f"■ {told.by} asked to give up {told.name}",
    "InstancePauseRequested": lambda told: f"‖ {told.by} asked to pause",
    "InstancePaused": lambda _: "‖ paused",
    "InstanceResumed": lambda told: f"▶ {told.by} resumed it",
    "InstanceRetried": lambda told: f"↻ {told.by} retried it",
}
"""The events that are news to a person, and who tells each."""
