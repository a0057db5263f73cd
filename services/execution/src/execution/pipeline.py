"""Which middleware answers which event: the whole road of an execution on one screen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, Self

from chassis.logs import get_logger
from chassis.settings import BadSettings
from contracts import instance_events as facts
from contracts.workflow import MiddlewareChoice
from execution.choosing import ENFORCED, check_choice, chosen, name_of
from execution.domain.decisions.advancing import advance, conclude
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.middleware import (
    caching,
    correlation,
    critical_section,
    family,
    monitoring,
    quota,
    rate_limiting,
    retry,
    validation,
)
from execution.middleware.contract import Middleware, Observer, Surroundings, Verdict
from execution.packages import Brought

Table = Mapping[type[facts.InstanceEvent], tuple[Middleware, ...]]
Notes = Mapping[type[facts.InstanceEvent], tuple[Observer, ...]]

DECIDING: Table = {
    facts.InstanceRequested: (validation.check_input, rate_limiting.admit, quota.admit, caching.recall_run),
    facts.SectionRequested: (critical_section.queue,),
    facts.NodeStarted: (caching.recall_node, rate_limiting.space_out),
    facts.NodeFailed: (retry.try_again,),
    facts.WaitStarted: (correlation.look_into_mailbox,),
}
"""Heard before the event is committed, in this order; what they record is committed with it."""

RESUMING: tuple[Middleware, ...] = (caching.recall_awaited_run,)
"""Heard again, with the request, whenever a run is looked at that has not been started yet."""

AFTERWARDS: Notes = {
    facts.InstanceClaimed: (critical_section.tidy_up, family.let_go_again),
    facts.SectionRequested: (critical_section.look_again,),
    facts.SectionLeft: (critical_section.make_way,),
    facts.NodeCompleted: (caching.remember_node, rate_limiting.charge, quota.charge),
    facts.NodeFailed: (caching.give_up_node, family.let_go),
    facts.NodeCancelled: (caching.give_up_node, family.let_go),
    facts.InstanceCompleted: (caching.remember_run, quota.count, family.report),
    facts.InstanceFailed: (caching.give_up_run, quota.count, family.report),
    facts.InstanceCancelled: (caching.give_up_run, quota.count, family.report),
    facts.InstanceTerminated: (caching.give_up_run, quota.count, family.report),
    facts.InstanceRetried: (quota.count,),
}
"""Heard after the event is committed."""

OBSERVERS: tuple[Observer, ...] = (monitoring.observe,)
"""Hear every event after it is committed."""

log = get_logger(__name__)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Lets the middleware answer each event, and the graph go on from what they answered."""

    around: Surroundings
    deciding: Table = field(default_factory=lambda: DECIDING)
    resuming: tuple[Middleware, ...] = RESUMING
    afterwards: Notes = field(default_factory=lambda: AFTERWARDS)
    observers: tuple[Observer, ...] = OBSERVERS

    async def hear(self, turn: Turn) -> None:
        """Let the middleware answer what they have not heard yet, and what they record themselves."""
        while turn.heard < len(turn.events):
            event = turn.events[turn.heard]
            turn.heard += 1
            if isinstance(event, facts.InstanceRequested) and event.config.middleware is not None:
                check_choice(event.config.middleware, self.names, self.required)
            for middleware in self.road_of(turn.instance).deciding.get(type(event), ()):
                if await middleware(event, turn, self.around) is Verdict.STOP:
                    break

    async def drain(self, turn: Turn) -> None:
        """Answer and advance in turns until nothing follows, or the turn is long enough to be committed."""
        if turn.instance.started_at is None and turn.heard == 0 and not turn.instance.ended:
            for middleware in self.road_of(turn.instance).resuming:
                await middleware(turn.instance.request, turn, self.around)
        before = -1
        while len(turn.events) != before and not turn.is_full:
            await self.hear(turn)
            before = len(turn.events)
            advance(turn)
        await self.hear(turn)
        conclude(turn)
        await self.hear(turn)

    async def committed(self, events: Sequence[facts.InstanceEvent], instance: Instance) -> None:
        """Tell those who only take note; one that fails is logged and keeps nobody else from hearing."""
        road = self.road_of(instance)
        for event in events:
            for observer in (*road.afterwards.get(type(event), ()), *road.observers):
                try:
                    await observer(event, instance, self.around)
                except Exception:
                    log.exception("pipeline.observer_failed", observer=name_of(observer), event_type=event.topic())

    @property
    def required(self) -> frozenset[str]:
        """The middleware that no blueprint may leave out."""
        return ENFORCED.union(self.around.deployment.required)

    @cached_property
    def names(self) -> frozenset[str]:
        """All middleware of this deployment."""
        tables = (*self.deciding.values(), *self.afterwards.values(), self.observers)
        return frozenset(name_of(handler) for handlers in tables for handler in handlers)

    def road_of(self, instance: Instance) -> "Pipeline":
        """The middleware that an instance's blueprint wants, in its order; mostly all of them as they are."""
        choice = instance.requested.config.middleware if instance.requested is not None else None
        return self if choice is None else _arranged(self, choice)

    def with_packages(self, packages: Sequence[Brought]) -> Self:
        """Behind the table above also what installed packages bring.

        Raises `BadSettings` for a name that stands for two, and for one that the deployment requires and lacks.
        """
        deciding, afterwards, observers = dict(self.deciding), dict(self.afterwards), self.observers
        taken = set(self.names)
        for package in packages:
            if package.name in taken:
                raise BadSettings(f"Two middleware are called {package.name!r}: rename the entry point of one")
            taken.add(package.name)
            for event, decider in package.deciding.items():
                deciding[event] = (*deciding.get(event, ()), decider)
            for event, observer in package.afterwards.items():
                afterwards[event] = (*afterwards.get(event, ()), observer)
            observers = (*observers, *package.observers)
        if missing := set(self.around.deployment.required) - taken:
            raise BadSettings(f"The deployment requires the middleware {min(missing)!r}; there are {sorted(taken)}")
        return replace(self, deciding=deciding, afterwards=afterwards, observers=observers)

    def without(self, *modules: ModuleType) -> Self:
        """The same pipeline with the middleware of these modules taken out."""
        names = frozenset(module.__name__.rpartition(".")[2] for module in modules)
        return self.changed(lambda handlers: tuple(one for one in handlers if name_of(one) not in names))

    def changed(self, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Self:
        """The same pipeline with the handlers of each event changed."""
        return replace(
            self,
            deciding={event: change(handlers) for event, handlers in self.deciding.items()},
            resuming=change(self.resuming),
            afterwards={event: change(handlers) for event, handlers in self.afterwards.items()},
            observers=change(self.observers),
        )


@lru_cache(maxsize=256)
def _arranged(pipeline: Pipeline, choice: MiddlewareChoice) -> Pipeline:
    return pipeline.changed(lambda handlers: chosen(handlers, choice, pipeline.required))
