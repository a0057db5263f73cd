"""What a person sees while a run goes on: the stream's lines, folded and told node by node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    nodes_done: int = 0
    ended: bool = False

    def tell(self, line: Line) -> str | None:
        """Fold one line of the stream in; the sentence for it, or None for a line that is not news."""
        self.instance_id = line.get("instance_id") or self.instance_id
        event = str(line.get("event", ""))
        self.ended = self.ended or event in FINAL
        teller = TELLERS.get(event)
        return teller(self, line.get("data") or {}) if teller else None


def _started(picture: RunPicture, data: Line) -> None:
    picture.running[str(data.get("node_id"))] = str(data.get("node_type", ""))


def _completed(picture: RunPicture, data: Line) -> str:
    node, kind = _leave(picture, data)
    picture.nodes_done += 1
    facts = [milliseconds(float(data.get("duration_ms") or 0))]
    if data.get("prompt_tokens") or data.get("completion_tokens"):
        facts.append(f"{data.get('prompt_tokens', 0)} + {data.get('completion_tokens', 0)} tokens")
    if int(data.get("visit") or 1) > 1:
        facts.append(f"visit {data['visit']}")
    if int(data.get("attempt") or 1) > 1:
        facts.append(f"attempt {data['attempt']}")
    return _row("✓", node, kind, " · ".join(facts))


def _failed(picture: RunPicture, data: Line) -> str:
    node, kind = _leave(picture, data)
    error = data.get("error") or {}
    return _row("✗", node, kind, f"attempt {data.get('attempt', 1)}: {error.get('message', 'failed')}")


def _retried(picture: RunPicture, data: Line) -> str:
    return _row("↻", str(data.get("node_id")), "", f"attempt {data.get('attempt')} follows at {data.get('due_at')}")


def _waits(picture: RunPicture, data: Line) -> str:
    node = str(data.get("node_id"))
    return _row("…", node, picture.running.get(node, ""), f"waits until {data.get('due_at')}")


def _throttled(picture: RunPicture, data: Line) -> str:
    return f"… over its rate limit, let in at {data.get('due_at')}"


def _cached(picture: RunPicture, data: Line) -> str:
    return f"= answered from the cache, as instance {data.get('answered_by')} was"


def _variable(picture: RunPicture, data: Line) -> str:
    value = "deleted" if data.get("deleted") else f"= {data.get('value')!r}"
    return _row("=", str(data.get("name")), "variable", value)


def _cancel_asked(picture: RunPicture, data: Line) -> str:
    return f"■ {data.get('by', 'somebody')} asked to cancel"


TELLERS: Mapping[str, Callable[[RunPicture, Line], str | None]] = {
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


def _leave(picture: RunPicture, data: Line) -> tuple[str, str]:
    node = str(data.get("node_id"))
    kind = picture.running.pop(node, "")
    return node, str(data.get("node_type") or kind)


def _row(sign: str, node: str, kind: str, text: str) -> str:
    return f"{sign} {node:<{NAME_WIDTH}} {kind:<{TYPE_WIDTH}} {text}".rstrip()


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
