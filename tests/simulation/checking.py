"""What must be true of every history, however it was interrupted (pure)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from contracts import instance_events as facts
from contracts.instance_events import InstanceEvent
from tests.simulation.world import Done, World

Place = tuple[UUID, str, str, int]
"""Instance, scope, node, visit."""


def violations(world: World, *, ended: bool) -> list[str]:
    """Everything that is wrong with a history; empty when it kept all promises."""
    journal = world.journal
    return [
        *([] if ended else ["an accepted instance neither ended nor could end"]),
        *completed_twice(journal),
        *facts_with_gaps(journal),
        *keys_out_of_nowhere(journal),
        *([] if world.frozen else ran_after_completion(journal)),
        *left_over(world),
    ]


def completed_twice(journal: Sequence[InstanceEvent | Done]) -> Iterator[str]:
    """A completed node never completes again, unless to undo another one."""
    seen: set[Place] = set()
    undoing: set[Place] = set()
    for event in journal:
        if isinstance(event, facts.CompensationBegun):
            undoing.add(place_of(event))
        if isinstance(event, facts.NodeCompleted):
            if place_of(event) in seen and place_of(event) not in undoing:
                yield f"{place_of(event)} completed twice"
            seen.add(place_of(event))


def facts_with_gaps(journal: Sequence[InstanceEvent | Done]) -> Iterator[str]:
    """The facts of a stream are numbered without a gap."""
    versions: dict[UUID, int] = defaultdict(int)
    for event in journal:
        if isinstance(event, InstanceEvent):
            before = versions[event.originator_id]
            versions[event.originator_id] = event.originator_version
            if event.originator_version != before + 1:
                yield f"{event.originator_id}: fact {event.originator_version} after {before}"


def keys_out_of_nowhere(journal: Sequence[InstanceEvent | Done]) -> Iterator[str]:
    """An effect is begun only after its beginning is recorded, and again only under the key it had before.

    The key carries the attempt: a second one must have been announced by the ledger.
    """
    announced: set[str] = set()
    for event in journal:
        if isinstance(event, facts.NodeStarted):
            announced.add(key_of(event))
        elif isinstance(event, Done) and event.key not in announced:
            yield f"effect {event.key} before its beginning was recorded"


def ran_after_completion(journal: Sequence[InstanceEvent | Done]) -> Iterator[str]:
    """A node whose completion is recorded has no effect any more.

    Holds where no process stands still: one that wakes up may begin what it had decided before it was fenced off.
    """
    completed: set[str] = set()
    for event in journal:
        if isinstance(event, facts.NodeCompleted):
            completed.add(key_of(event))
        elif isinstance(event, Done) and event.key in completed:
            yield f"effect {event.key} after its completion was recorded"


def left_over(world: World) -> Iterator[str]:
    """An ended instance has nothing in flight and holds no critical section."""
    for instance in world.known.values():
        if instance.ended and list(instance.live()):
            yield f"{instance.id} ended as {instance.status} with {[visit for visit, _ in instance.live()]} in flight"
        if instance.ended and instance.held:
            yield f"{instance.id} ended inside of {list(instance.held.values())}"


def place_of(event: facts.NodeEvent) -> Place:
    """Which visit a fact is about."""
    return event.originator_id, event.scope, event.node_id, event.visit


def key_of(event: facts.NodeEvent) -> str:
    """The idempotency key of the attempt that a fact is about."""
    return f"{event.originator_id}/{event.scope}/{event.node_id}/{event.visit}/{event.attempt}"
