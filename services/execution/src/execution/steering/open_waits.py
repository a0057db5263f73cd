"""What an instance still waits for at this moment: nothing has come for it yet that only has to be noticed (pure)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from contracts import instance_events as facts
from execution.domain.decisions.waits import came_first
from execution.domain.folds.waiting import takes
from execution.domain.state import State
from execution.domain.visits import Visit


class Awaited(NamedTuple):
    """One thing that a visit waits for, alone or among others."""

    visit: Visit
    wait_for: facts.WaitFor


def open_waits(instance: State, now: datetime) -> Iterator[Awaited]:
    """Whatever would be used up if it came now; each signal that is there already counts for one visit."""
    signals = list(instance.signals)
    for visit, wait in instance.waits.items():
        came = came_first(instance, visit, wait, signals, now)
        if came is not None:
            if isinstance(came[2], facts.SignalReceived):
                signals.remove(came[2])
        elif visit not in instance.cancel_visits:
            yield from (Awaited(visit, wait_for) for wait_for in wait.waits_for)


def has_room_for(instance: State, signal: facts.SignalReceived, now: datetime) -> bool:
    """Whether a visit would take this signal; an instance that is about to end takes none."""
    if instance.ended or instance.cancel_requested_by is not None or instance.terminate_requested_by is not None:
        return False
    if instance.deadline is not None and instance.deadline <= now:
        return False
    return any(takes(awaited.wait_for, signal) for awaited in open_waits(instance, now))
