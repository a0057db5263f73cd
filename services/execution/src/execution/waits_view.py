"""What an instance waits for, as callers see it (pure)."""

from collections.abc import Iterator

from contracts import instance_events as facts
from contracts.message import Caller
from contracts.steering import OpenWait, WaitsView
from execution.approving import names
from execution.domain import Instance
from execution.views import visible_to
from execution.visits import Visit

RETRY = "retry"
"""The label of a time at which a visit begins again."""


def waits_view(instance: Instance, caller: Caller) -> WaitsView | None:
    """Everything, for who sees the instance; else what the caller is asked by name to decide; None for all others."""
    if instance.requested is None:
        return None
    request = instance.requested
    items = () if instance.ended else tuple(_waits(instance))
    if not visible_to(caller, request.user_id, request.team_id):
        items = tuple((visit, awaited) for visit, awaited in items if names(awaited, caller))
        if not items:
            return None
    shown = tuple(_open_wait(visit, awaited) for visit, awaited in items)
    return WaitsView(instance_id=instance.id, status=instance.status, items=shown)


def _waits(instance: Instance) -> Iterator[tuple[Visit, facts.WaitFor]]:
    for visit, wait in instance.waits.items():
        yield from ((visit, awaited) for awaited in wait.waits_for)
    for visit, timer in instance.timers.items():
        yield visit, facts.WaitFor(label=RETRY if timer.retry else "", kind="time", due_at=timer.due_at)


def _open_wait(visit: Visit, awaited: facts.WaitFor) -> OpenWait:
    terms = awaited.terms or {}
    return OpenWait(
        node_id=visit.node_id,
        visit=visit.number,
        scope=visit.scope,
        label=awaited.label,
        kind=awaited.kind,
        name=awaited.name,
        key=awaited.key,
        due_at=awaited.due_at,
        title=terms.get("title"),
        description=terms.get("description"),
        form=terms.get("form"),
    )
