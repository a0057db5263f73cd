"""What an instance waits for, as callers see it (pure)."""

from collections.abc import Iterator
from typing import Any

from contracts.message import Caller
from contracts.steering import OpenWait, WaitsView
from execution.domain.instance import Instance
from execution.domain.permissions import visible_to
from execution.domain.visits import Visit
from execution.steering.approving import names

RETRY = "retry"
"""The label of a time at which a visit begins again."""
UNKNOWN: dict[str, Any] = {
    "label": "",
    **dict.fromkeys(("name", "key", "due_at", "title", "description", "form")),
}


def waits_view(instance: Instance, caller: Caller) -> WaitsView | None:
    """Everything, for who sees the instance; else what the caller is asked by name to decide; None for all others."""
    request = instance.requested
    if request is None:
        return None
    sees_all = visible_to(caller, request.user_id, request.team_id)
    if instance.ended:
        items: tuple[OpenWait, ...] = ()
    elif sees_all:
        items = (*_outside(instance), *_times(instance), *_others(instance))
    else:
        items = tuple(_outside(instance, asked=caller))
    if not items and not sees_all:
        return None
    return WaitsView(instance_id=instance.id, status=instance.status, items=items)


def _outside(instance: Instance, asked: Caller | None = None) -> Iterator[OpenWait]:
    for visit, wait in instance.waits.items():
        for awaited in wait.waits_for:
            if asked is None or names(awaited, asked):
                terms = awaited.terms or {}
                told: dict[str, Any] = {name: terms.get(name) for name in ("title", "description", "form")}
                yield _open_wait(visit, **awaited.model_dump(exclude={"terms"}), **told)


def _times(instance: Instance) -> Iterator[OpenWait]:
    for visit, timer in instance.timers.items():
        yield _open_wait(visit, "time", label=RETRY if timer.retry else "", due_at=timer.due_at)


def _others(instance: Instance) -> Iterator[OpenWait]:
    for child_id, child in instance.children.items():
        yield _open_wait(child.visit, "instance", name=str(child_id))
    for place, requested in instance.queueing.items():
        if place is not None:
            yield _open_wait(place, "section", name=requested.section_key)


def _open_wait(visit: Visit, /, kind: str, **known: Any) -> OpenWait:
    place = {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope}
    return OpenWait.model_validate(UNKNOWN | place | {"kind": kind} | known)
