"""All that the checker judges by: what clients were told, what happened outside, what is recorded, what was heard."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.chaos.history import Told
from tests.chaos.outside import Effect

ENDS = {
    "InstanceCompleted": "completed",
    "InstanceFailed": "failed",
    "InstanceCancelled": "cancelled",
    "InstanceTerminated": "terminated",
}
"""Facts that end a run, and the status that each leaves."""
MARK = b"chaos"
"""Stands in every payload that the nemesis made."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a ledger."""

    position: int
    stream: str
    version: int
    topic: str
    body: Mapping[str, Any]
    event_id: str = ""

    @property
    def place(self) -> tuple[str, str, str, int]:
        """(instance, scope, node, visit) of a fact about a node."""
        return self.stream, str(self.body.get("scope", "")), str(self.body["node_id"]), int(self.body["visit"])


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of an event stream; `incarnation` tells a stream from one that had its name before."""

    incarnation: str
    sequence: int
    position: int
    previous: int
    event_id: str
    injected: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An instance as the read model shows it."""

    status: str
    output: Any
    version: int
    blueprint_id: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the house uses and has; by process, by door, by stream."""

    rss_bytes: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    connections: Mapping[str, int] = field(default_factory=dict)
    consumers: frozenset[str] = frozenset()
    leases: int = 0
    """Workers that the others take for alive."""


@dataclass
class Evidence:
    """Gathered once everything has come to rest."""

    told: Sequence[Told] = ()
    effects: Sequence[Effect] = ()
    facts: Sequence[Fact] = ()
    """The ledger of execution in its order."""
    ledgers: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Of each service: position -> event id."""
    heads: Mapping[str, int] = field(default_factory=dict)
    """Where each ledger ended when all was at rest."""
    heard: Mapping[str, Sequence[Heard]] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)
    """What metrics counted: instance -> status."""
    blueprints: frozenset[str] = frozenset()
    dead_letters: Sequence[tuple[str, bytes, str]] = ()
    """(projection, payload, error)."""
    live: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rebuilt: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Rows of every table of every read model, before and after it was made anew."""
    usual_rate: float = 0.0
    recovery: Sequence[tuple[float, float]] = ()
    """(seconds since the storm ended, runs a second)."""
    before: Resources = field(default_factory=Resources)
    after: Resources = field(default_factory=Resources)
    gathered_at: str = ""
    """When, as the ledger writes times."""

    @cached_property
    def runs(self) -> Mapping[str, Sequence[Fact]]:
        """The facts of each instance, in their order."""
        found: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            found[fact.stream].append(fact)
        return {stream: facts for stream, facts in found.items() if facts[0].topic == "InstanceRequested"}

    @cached_property
    def tokens(self) -> Mapping[str, Sequence[str]]:
        """The instances whose request carried each token."""
        found: dict[str, list[str]] = defaultdict(list)
        for instance_id, facts in self.runs.items():
            metadata = facts[0].body.get("metadata") or {}
            if facts[0].body.get("parent") is None and (token := metadata.get("token")):
                found[token].append(instance_id)
        return found

    def end_of(self, instance_id: str) -> str | None:
        """The status that its last word left, if it has ended."""
        ends = [ENDS[fact.topic] for fact in self.runs.get(instance_id, ()) if fact.topic in ENDS]
        return ends[-1] if ends else None

    def output_of(self, instance_id: str) -> Any:
        """What it answered."""
        outputs = [fact.body.get("output") for fact in self.runs.get(instance_id, ()) if fact.topic in ENDS]
        return outputs[-1] if outputs else None
