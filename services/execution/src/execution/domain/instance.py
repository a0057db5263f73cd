"""Instance: one run, folded from its facts; what it is and what it waits for, never how it is done (pure)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from contracts import instance_events as facts
from execution.domain.folds.bodies import BODIES
from execution.domain.folds.life import LIFE
from execution.domain.folds.nodes import NODES
from execution.domain.folds.waiting import WAITING
from execution.domain.graph import CompiledGraph
from execution.domain.state import OutOfOrder, State

FOLDS: Mapping[type[facts.InstanceEvent], Callable[[State, Any], None]] = {**LIFE, **NODES, **WAITING, **BODIES}
"""How each fact changes the instance; facts that are only told (an admission) change nothing."""


class Instance(State):
    """One run. `apply` folds a fact into it; everything else only reads."""

    @classmethod
    def replay(
        cls, instance_id: UUID, history: Iterable[facts.InstanceEvent], graph: CompiledGraph | None = None
    ) -> "Instance":
        """The instance as its facts tell it."""
        instance = cls(instance_id, graph)
        for event in history:
            instance.apply(event)
        return instance

    def apply(self, event: facts.InstanceEvent) -> None:
        """Fold one fact. Raises `OutOfOrder` when it is not the next one."""
        if event.originator_version != self.version + 1:
            raise OutOfOrder(f"instance {self.id}: version {event.originator_version} after {self.version}")
        self.version = event.originator_version
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)
