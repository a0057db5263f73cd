"""Where an instance stands, as far as LangGraph's questions depend on it: a copy that only commits change (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts import instance_events as facts
from execution.domain.instance import Instance
from execution.domain.visits import Opened, Visit, pass_scope

PASSES_AT_ONCE = 256
"""So many passes of one map LangGraph has under way together; those that may not begin yet wait among them."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A loop, map or region at work."""

    attempt: int
    live: tuple[int, ...]
    """Passes that have begun and are not over."""
    begun: int
    count: int
    """How many passes a map will have; of a loop or region only those that have begun are known."""

    def passes(self) -> tuple[int, ...]:
        """Those that are not over, the ones to come included."""
        ahead = range(self.begun, min(self.count, self.begun + PASSES_AT_ONCE))
        return (*self.live, *ahead)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is ready, which frames are open, what is waited for."""

    ready: tuple[Visit, ...] = ()
    scopes: frozenset[str] = frozenset()
    openings: Mapping[Visit, Opening] = field(default_factory=dict)
    waits: Mapping[Visit, tuple[str, ...]] = field(default_factory=dict)
    is_over: bool = False
    """Completed: nothing more will be asked for."""
    goes_on: bool = True
    """False while it has failed or is undone: what is broken off now may be taken up again by a retry."""

    def is_open(self, scope: str) -> bool:
        """Whether something may still happen in that frame, begun or to come."""
        if scope in self.scopes:
            return True
        if not scope or not self.is_open(around(scope)):
            return False
        opener, attempt, index = opener_of(scope)
        opening = self.openings.get(opener)
        return opening is not None and opening.attempt == attempt and opening.begun <= index < opening.count

    def passes(self, visit: Visit) -> tuple[str, ...]:
        """The frames that a body node has yet to see through."""
        opening = self.openings.get(visit)
        if opening is None:
            return ()
        return tuple(pass_scope(visit, opening.attempt, index) for index in opening.passes())


def standing_of(instance: Instance) -> Standing:
    """The copy; call it when everything that was folded is committed."""
    return Standing(
        ready=tuple(instance.ready),
        scopes=frozenset(instance.frames),
        openings={visit: opening_of(instance, visit, opened) for visit, opened in instance.opened.items()},
        waits={visit: tuple(map(told, wait.waits_for)) for visit, wait in instance.waits.items()},
        is_over=instance.status == "completed",
        goes_on=not (instance.ended or instance.failed or instance.retry_at or instance.compensation),
    )


def opening_of(instance: Instance, visit: Visit, opened: Opened) -> Opening:
    """The passes of one body."""
    is_map = visit.scope in instance.frames and instance.node(visit).type == "map"
    count = len(opened.items or ()) if is_map else opened.begun
    return Opening(opened.attempt, tuple(sorted(opened.live)), opened.begun, count)


def told(awaited: facts.WaitFor) -> str:
    """What is waited for, in a word or two."""
    return f"{awaited.kind} {awaited.name}" if awaited.name else str(awaited.kind)


def around(scope: str) -> str:
    """The frame around a pass."""
    return scope.rpartition("/")[0]


def opener_of(scope: str) -> tuple[Visit, int, int]:
    """The visit that a frame is a pass of, its attempt, and the index of the pass."""
    outer, _, segment = scope.rpartition("/")
    node_id, number, attempt, index = segment.split(":")
    return Visit(node_id, int(number), outer), int(attempt), int(index)


def taken_by(event: Any) -> tuple[int, ...] | None:
    """The edges that a visit went on by, from the fact that ended it; None from every other fact."""
    match event:
        case facts.NodeCompleted() | facts.ErrorCaught():
            return event.taken
        case facts.NodeCancelled() if event.reason != "ended":
            return event.taken
        case _:
            return None
