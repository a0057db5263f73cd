"""Lives of instances told by hand, fact by fact, for what is read from them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from chassis.ids import new_id
from chassis.projection import Fact
from contracts import instance_events as facts
from contracts.execution import RunError, RunFigures
from contracts.workflow import BlueprintConfig
from execution.projections import Instances

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BROKEN = RunError(type="permanent", code="broken", message="It broke.", node_id="step")
FIGURES = RunFigures(execution_time_ms=12.5, nodes_executed=2, errors=1, node_execution_times={"step": 12.0})

LEAVES: dict[type[facts.InstanceEvent], str] = {
    facts.InstanceClaimed: "driven",
    facts.InstanceSuspended: "resting",
    facts.InstancePaused: "resting",
    facts.InstanceRetried: "resting",
    **dict.fromkeys(facts.ENDINGS, "ended"),
}
"""What an instance does after these facts."""
E = TypeVar("E", bound=facts.InstanceEvent)


class Ledger:
    """Facts in the order in which they were told, each a second after the one before."""

    def __init__(self) -> None:
        self.facts: list[facts.InstanceEvent] = []

    def add(self, fact: facts.InstanceEvent) -> None:
        self.facts.append(fact)

    @property
    def now(self) -> datetime:
        """When the next fact is told."""
        return NOON + timedelta(seconds=len(self.facts))

    def batch(self, begin: int = 0, end: int | None = None) -> list[Fact]:
        """A part of it as a projection hears it."""
        return [Fact(fact, position, new_id()) for position, fact in enumerate(self.facts[begin:end], begin + 1)]


class Life:
    """One instance of the ledger."""

    def __init__(
        self, ledger: Ledger, parent: facts.Parent | None = None, *, eager: bool = True, **changed: Any
    ) -> None:
        """Requested, begun at once by a worker unless said otherwise."""
        self.ledger, self.id, self.version = ledger, new_id(), 0
        self.worker_id = new_id()
        self.state, self.started = "driven", False
        self.request: dict[str, Any] = {
            "blueprint_id": new_id(),
            "blueprint_version": 1,
            "user_id": "alice",
            "team_id": "mill",
        }
        self.request |= changed
        self.tell(
            facts.InstanceRequested,
            **self.request,
            input={"x": 1},
            config=BlueprintConfig(),
            conversation_id=None,
            metadata={},
            worker_id=self.worker_id if eager else None,
            parent=parent,
        )

    def tell(self, event_type: type[E], **fields: Any) -> E:
        """The next fact of this instance."""
        self.version += 1
        place = {"originator_id": self.id, "originator_version": self.version, "timestamp": self.ledger.now}
        fact = event_type.model_validate(place | fields)
        self.ledger.add(fact)
        self.state = LEAVES.get(event_type, self.state)
        return fact

    def start(self) -> None:
        """The graph is entered."""
        self.started = True
        self.tell(facts.InstanceStarted)

    def claim(self) -> None:
        """Another worker takes it over."""
        self.worker_id = new_id()
        self.tell(facts.InstanceClaimed, worker_id=self.worker_id, epoch=2)

    def rest(self, due_at: datetime | None = None) -> None:
        """It leaves memory."""
        self.tell(facts.InstanceSuspended, due_at=due_at)

    def signal(self, *, early: bool = False) -> None:
        """Somebody sends it a signal."""
        self.tell(facts.SignalReceived, signal_id=new_id(), name="go", payload=None, by="alice", early=early)

    def end(self, event_type: type[facts.InstanceEnded], **fields: Any) -> None:
        """It ends this way."""
        if event_type is facts.InstanceFailed:
            fields.setdefault("error", BROKEN)
        if event_type is facts.InstanceCompleted:
            fields.setdefault("output", {"said": "done"})
        self.tell(event_type, **self.request, requested_at=NOON, figures=FIGURES, **fields)

    def child(self, *, detached: bool = False, **changed: Any) -> "Life":
        """An instance that it starts."""
        parent = facts.Parent(
            instance_id=self.id, node_id="call", visit=1, scope="", root_id=self.id, depth=1, detached=detached
        )
        child = Life(self.ledger, parent, **changed)
        started = {"child_id": child.id, "blueprint_id": child.request["blueprint_id"], "blueprint_version": 1}
        self.tell(facts.ChildStarted, node_id="call", visit=1, attempt=1, detached=detached, **started)
        return child

    def hear_of(self, child_id: UUID) -> None:
        """Its child has ended."""
        self.tell(facts.ChildEnded, child_id=child_id, outcome="completed")


async def project(rows: asyncpg.Connection, ledger: Ledger, *cuts: int) -> None:
    """Fold the whole ledger, cut into batches, as far as the projection reads it."""
    bounds = [0, *cuts, len(ledger.facts)]
    for begin, end in pairwise(bounds):
        if begin < end:
            async with rows.transaction():
                read = [fact for fact in ledger.batch(begin, end) if type(fact.event) in Instances.reads]
                await Instances().apply(read, rows)


async def one_by_one(rows: asyncpg.Connection, ledger: Ledger) -> None:
    """Fold the whole ledger, each fact alone."""
    await project(rows, ledger, *range(1, len(ledger.facts)))


async def row_of(rows: asyncpg.Connection, life: Life) -> asyncpg.Record:
    """Its row, which must know all of it that the projection reads."""
    row = await rows.fetchrow("SELECT * FROM workflow_instances WHERE instance_id = $1", life.id)
    assert row is not None
    read = [fact for fact in life.ledger.facts if fact.originator_id == life.id and type(fact) in Instances.reads]
    assert row["version"] == read[-1].originator_version
    return row
