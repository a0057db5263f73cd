"""What is known of a run while it goes on: its stream's lines, folded one by one (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.durations import milliseconds
from headrace.sentences import TELLERS, Told

Line = Mapping[str, Any]

ENDINGS = frozenset({"InstanceCompleted", "InstanceFailed", "InstanceCancelled", "InstanceTerminated"})
NO_PASSES = "region"
"""The one type of body node that is gone through once: its passes need no number."""


@dataclass
class RunPicture:
    """One run as far as its stream has told. `tell` folds the next line in and says what to print for it."""

    instance_id: str | None = None
    seq: int = 0
    """The last recorded fact that was dealt with."""
    running: dict[str, str] = field(default_factory=dict)
    """Type by name, of the nodes in flight."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Type by node id, of every node heard of."""
    nodes_done: int = 0
    compensated: bool = False
    ended: bool = False

    def tell(self, line: Line) -> str | None:
        """Fold one line of the stream in; the sentence for it, or None for a line that is not news."""
        event, data = str(line.get("event", "")), line.get("data") or {}
        told = Told(self._name(data), self._kind(data), data, line)
        self.instance_id = line.get("instance_id") or self.instance_id
        self._fold(event, told)
        teller = TELLERS.get(event)
        return teller(told) if teller else None

    def dealt_with(self, line: Line) -> None:
        """Everything that a line asks for is done: nobody needs to hear it again."""
        self.seq = line.get("seq") or self.seq

    def _fold(self, event: str, told: Told) -> None:
        match event:
            case "NodeStarted":
                self.running[told.name] = told.kind
            case "NodeCompleted" | "NodeFailed" | "NodeCancelled" | "NodeThrottled":
                self.running.pop(told.name, None)
                self.nodes_done += event == "NodeCompleted"
            case "CompensationStarted":
                self.compensated = True
            case "InstanceRetried":
                self.ended = False
            case _ if event in ENDINGS:
                self.ended = True
                self.running.clear()

    def _kind(self, data: Line) -> str:
        node = str(data.get("node_id"))
        if kind := data.get("node_type"):
            self.kinds[node] = str(kind)
        return self.kinds.get(node, "")

    def _name(self, data: Line) -> str:
        """The node, with the numbers of the passes and items that it stands in: `fetch[2]`, `cell[0,3]`."""
        numbers = ",".join(self._passes(str(data.get("scope") or "")))
        return f"{data.get('node_id')}[{numbers}]" if numbers else str(data.get("node_id"))

    def _passes(self, scope: str) -> Iterator[str]:
        for frame in filter(None, scope.split("/")):
            node, number = frame.split(":")[0], frame.split(":")[-1]
            if self.kinds.get(node) != NO_PASSES and number.isdecimal():
                yield number


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
