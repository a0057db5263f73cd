"""Which instance a visit of a `blueprint` node starts, and what that instance knows of where it comes from (pure)."""

from uuid import UUID, uuid5

from contracts import instance_events as facts
from contracts.node_types import CALL_TYPE
from execution.domain.instance import Instance
from execution.domain.visits import Visit, idempotency_key


def child_id_of(instance_id: UUID, visit: Visit, attempt: int) -> UUID:
    """The one instance that this attempt can ever start: named by its idempotency key, so the same after a crash."""
    return uuid5(instance_id, idempotency_key(instance_id, visit, attempt))


def parent_of(instance: Instance, visit: Visit, *, detached: bool) -> facts.Parent:
    """Where a child of this visit comes from."""
    above = instance.request.parent
    return facts.Parent(
        instance_id=instance.id,
        node_id=visit.node_id,
        visit=visit.number,
        scope=visit.scope,
        root_id=above.root_id if above is not None else instance.id,
        depth=above.depth + 1 if above is not None else 1,
        detached=detached,
    )


def calls_another(instance: Instance, node_id: str) -> bool:
    """Whether the node, in whatever body, runs another blueprint; unknown without the graph."""
    place = instance.graph.places.get(node_id) if instance.graph is not None else None
    return place is not None and place.nodes[node_id].type == CALL_TYPE
