"""Which middleware answers which event: the whole road of an execution on one screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from contracts import instance_events as facts
from execution.decisions import MAX_EVENTS_PER_TURN, Turn
from execution.domain import Instance
from execution.middleware import caching, monitoring, rate_limiting, retry, validation
from execution.middleware.contract import Middleware, Observer, Surroundings, Verdict

Table = Mapping[type[facts.InstanceEvent], tuple[Middleware, ...]]
Notes = Mapping[type[facts.InstanceEvent], tuple[Observer, ...]]

DECIDING: Table = {
    facts.InstanceRequested: (validation.check_input, rate_limiting.admit, caching.recall_run),
    facts.NodeStarted: (caching.recall_node,),
    facts.NodeFailed: (retry.try_again,),
}
"""Heard before the event is committed, in this order; what they record is committed with it."""

AFTERWARDS: Notes = {
    facts.InstanceCompleted: (caching.remember_run,),
    facts.NodeCompleted: (caching.remember_node,),
}
"""Heard after the event is committed."""

OBSERVERS: tuple[Observer, ...] = (monitoring.observe,)
"""Hear every event after it is committed."""


@dataclass(frozen=True)
class Pipeline:
    """Lets the middleware answer each event, and the graph go on from what they answered."""

    around: Surroundings
    deciding: Table = field(default_factory=lambda: DECIDING)
    afterwards: Notes = field(default_factory=lambda: AFTERWARDS)
    observers: tuple[Observer, ...] = OBSERVERS

    async def hear(self, turn: Turn) -> None:
        """Let the middleware answer what they have not heard yet, and what they record themselves."""
        while turn.heard < len(turn.events):
            event = turn.events[turn.heard]
            turn.heard += 1
            for middleware in self.deciding.get(type(event), ()):
                if await middleware(event, turn, self.around) is Verdict.STOP:
                    break

    async def drain(self, turn: Turn) -> None:
        """Answer and advance in turns until nothing follows, or the turn is long enough to be committed."""
        before = -1
        while len(turn.events) != before and len(turn.events) < MAX_EVENTS_PER_TURN:
            await self.hear(turn)
            before = len(turn.events)
            turn.advance()
        await self.hear(turn)

    async def committed(self, events: Sequence[facts.InstanceEvent], instance: Instance) -> None:
        """Tell those who only take note."""
        for event in events:
            for observer in (*self.afterwards.get(type(event), ()), *self.observers):
                await observer(event, instance, self.around)

    def without(self, *modules: Any) -> Self:
        """The same pipeline with the middleware of these modules taken out."""
        names = {module.__name__ for module in modules}

        def kept(handlers: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(handler for handler in handlers if handler.__module__ not in names)

        return replace(
            self,
            deciding={event: kept(handlers) for event, handlers in self.deciding.items()},
            afterwards={event: kept(handlers) for event, handlers in self.afterwards.items()},
            observers=kept(self.observers),
        )
