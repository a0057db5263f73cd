"""Middleware that installed packages bring: each one object that names its handlers, found by entry point.

A package declares under `[project.entry-points."headrace.middleware"]` `name = "package.module"` or an object in it.
What is found there has any of `DECIDING` and `AFTERWARDS`, which map an event type to the handler that hears it, and
`OBSERVERS`, handlers that hear every event. The handlers have the shapes of `middleware.contract.Middleware` and
`middleware.contract.Observer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.extensions import MIDDLEWARE, load, packaged
from chassis.settings import BadSettings
from contracts.instance_events import INSTANCE_EVENTS, InstanceEvent
from execution.middleware.contract import Surroundings

PARTS = ("DECIDING", "AFTERWARDS", "OBSERVERS")


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A package's handler, under the name that blueprints leave it out or order it by."""

    name: str
    handler: Any

    async def __call__(self, event: Any, state: Any, around: Surroundings) -> Any:
        """Hand the event on."""
        return await self.handler(event, state, around)


@dataclass(frozen=True, slots=True)
class Brought:
    """One middleware of a package."""

    name: str
    deciding: Mapping[type[InstanceEvent], Named]
    afterwards: Mapping[type[InstanceEvent], Named]
    observers: tuple[Named, ...]


def installed() -> tuple[Brought, ...]:
    """The middleware of all installed packages by name; raises `BadSettings` for one that cannot be used."""
    return tuple(brought(name, entry.value, load(entry)) for name, entry in packaged(MIDDLEWARE).items())


def brought(name: str, where: str, source: Any) -> Brought:
    """The middleware that an entry point names."""
    if not any(hasattr(source, part) for part in PARTS):
        raise BadSettings(f"Middleware {name!r} ({where}) hears nothing: give it {', '.join(PARTS)}, or one of them")
    observers = tuple(Named(name, observer) for observer in getattr(source, "OBSERVERS", ()))
    return Brought(name, table(source, "DECIDING", name), table(source, "AFTERWARDS", name), observers)


def table(source: Any, part: str, name: str) -> Mapping[type[InstanceEvent], Named]:
    """One of its tables, checked: event types that are recorded, handlers that can be called."""
    handlers = getattr(source, part, {})
    if not isinstance(handlers, Mapping):
        raise BadSettings(f"Middleware {name!r}: {part} must map event types to handlers")
    for event, handler in handlers.items():
        if event not in INSTANCE_EVENTS or not callable(handler):
            wanted = "events of contracts.instance_events to async functions"
            raise BadSettings(f"Middleware {name!r}: {part} maps {event!r} to {handler!r}; it must map {wanted}")
    return {event: Named(name, handler) for event, handler in handlers.items()}
