"""What a person sees while a run goes on: the stream's lines, folded and told node by node."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Line = Mapping[str, Any]

NAME_WIDTH = 24
TYPE_WIDTH = 9
FEW, SECOND, MINUTE = 10, 1_000, 60_000
"""In milliseconds; a few of them are shown with a decimal."""
FINAL = frozenset({"InstanceCompleted", "InstanceFailed", "InstanceCancelled"})


@dataclass
class RunPicture:
    """One run as far as its stream has told. `tell` folds the next line in and says what to print for it."""

    instance_id: str | None = None
    running: dict[str, str] = field(default_factory=dict)
    """Type by node id, of the nodes in flight."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Type by node id, of every node heard of."""
    nodes_done: int = 0
    ended: bool = False

    def tell(self, line: Line) -> str | None:
        """Fold one line of the stream in; the sentence for it, or None for a line that is not news."""
        self.instance_id = line.get("instance_id") or self.instance_id
        event = str(line.get("event", ""))
        self.ended = self.ended or event in FINAL
        teller = TELLERS.get(event)
        return teller(self, line, line.get("data") or {}) if teller else None

    def kind_of(self, data: Line) -> str:
        """The type of the node that an event is about."""
        node = str(data.get("node_id"))
        return (
            self.kinds.setdefault(node, str(data["node_type"])) if data.get("node_type") else self.kinds.get(node, "")
        )


def _started(picture: RunPicture, _: Line, data: Line) -> None:
    picture.running[str(data.get("node_id"))] = picture.kind_of(data)


def _completed(picture: RunPicture, _: Line, data: Line) -> str:
    picture.running.pop(str(data.get("node_id")), None)
    picture.nodes_done += 1
    facts = []
    if data.get("duration_ms"):
        facts.append(milliseconds(float(data["duration_ms"])))
    if data.get("prompt_tokens") or data.get("completion_tokens"):
        facts.append(f"{data.get('prompt_tokens', 0)} + {data.get('completion_tokens', 0)} tokens")
    facts += [f"{count} {data[count]}" for count in ("visit", "attempt") if int(data.get(count) or 1) > 1]
    return _row("✓", data, picture.kind_of(data), " · ".join(facts))


def _failed(picture: RunPicture, _: Line, data: Line) -> str:
    picture.running.pop(str(data.get("node_id")), None)
    error = data.get("error") or {}
    return _row("✗", data, picture.kind_of(data), f"attempt {data.get('attempt', 1)}: {error.get('message', 'failed')}")


def _retried(picture: RunPicture, line: Line, data: Line) -> str:
    return _row("↻", data, picture.kind_of(data), f"attempt {data.get('attempt')} follows {_when(line, data)}")


def _waits(picture: RunPicture, line: Line, data: Line) -> str:
    return _row("…", data, picture.kind_of(data), f"goes on {_when(line, data)}")


def _throttled(picture: RunPicture, line: Line, data: Line) -> str:
    return f"… over its rate limit, let in {_when(line, data)}"


def _cached(picture: RunPicture, _: Line, data: Line) -> str:
    return f"= answered from the cache, as instance {data.get('answered_by')} was"


def _variable(picture: RunPicture, _: Line, data: Line) -> str:
    value = "deleted" if data.get("deleted") else json.dumps(data.get("value"), ensure_ascii=False)
    return _row("=", {"node_id": data.get("name")}, "variable", value)


def _cancel_asked(picture: RunPicture, _: Line, data: Line) -> str:
    return f"■ {data.get('by', 'somebody')} asked to cancel"


TELLERS: Mapping[str, Callable[[RunPicture, Line, Line], str | None]] = {
    "NodeStarted": _started,
    "NodeCompleted": _completed,
    "NodeFailed": _failed,
    "NodeRetryScheduled": _retried,
    "TimerScheduled": _waits,
    "InstanceThrottled": _throttled,
    "CacheHit": _cached,
    "VariableChanged": _variable,
    "InstanceCancelRequested": _cancel_asked,
}
"""The events that are news to a person, and who tells each."""


def _row(sign: str, data: Line, kind: str, text: str) -> str:
    return f"{sign} {data.get('node_id')!s:<{NAME_WIDTH}} {kind:<{TYPE_WIDTH}} {text}".rstrip()


def _when(line: Line, data: Line) -> str:
    """How far away the due time was when the event happened."""
    try:
        wait = datetime.fromisoformat(str(data["due_at"])) - datetime.fromisoformat(str(line["time"]))
    except (KeyError, ValueError):
        return "later"
    return f"in {milliseconds(max(0.0, wait.total_seconds() * SECOND))}"


def milliseconds(value: float) -> str:
    """A duration for people: `0.4 ms`, `12 ms`, `3.2 s`, `2 min 5 s`."""
    if value < SECOND:
        return f"{value:.{1 if value < FEW else 0}f} ms"
    if value < MINUTE:
        return f"{value / SECOND:.1f} s"
    minutes, seconds = divmod(round(value / SECOND), 60)
    return f"{minutes} min {seconds} s"


def summary(instance: Mapping[str, Any]) -> str:
    """How a run ended, what it took and what it cost, in one line."""
    metrics = instance.get("metrics") or {}
    facts = [
        f"{instance['status']} in {milliseconds(float(metrics.get('execution_time_ms') or 0))}",
        _count(metrics.get("nodes_executed"), "node"),
        _count(metrics.get("tool_calls"), "tool call"),
        _count(metrics.get("retries"), "retry", "retries"),
        _count(metrics.get("cache_hits"), "cache hit"),
        f"{metrics.get('prompt_tokens') or 0} + {metrics.get('completion_tokens') or 0} tokens",
        f"${float(metrics.get('cost') or 0):.6f}",
    ]
    return " · ".join(fact for fact in facts if fact)


def _count(number: int | None, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""
