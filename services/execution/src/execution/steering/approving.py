"""Who may decide an approval, which one is meant, and whether the form fits what was asked (pure)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chassis import schemas
from contracts import instance_events as facts
from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Invalid
from contracts.roles import may
from contracts.steering import DecideApproval
from execution.domain.instance import Instance
from execution.domain.permissions import may_steer
from execution.steering.open_waits import Awaited, open_waits
from execution.steering.orders import check_alive, following


def decided(instance: Instance, command: DecideApproval, now: datetime) -> list[facts.InstanceEvent]:
    """The decision as a fact of one who may steer the instance or was asked by name.

    Raises the `Refusal` of one who may not decide this, or has nothing to decide.
    """
    caller, body = command.caller, command.body
    if not belongs_to(instance, caller) and not asked_by(instance, caller):
        raise already_decided()
    check_alive(instance)
    asked = asked_approval(instance, caller, body.node_id, now)
    check_form(asked.wait_for, body.form, approved=command.approved)
    said = body.model_dump(include={"comment", "form"}) | {"approved": command.approved, "by": caller.user_id}
    visit, label = asked.visit, asked.wait_for.label
    place = {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope, "label": label}
    return [following(instance, facts.ApprovalDecided, now, **(said | place))]


def asked_approval(instance: Instance, caller: Caller, node_id: str | None, now: datetime) -> Awaited:
    """The one approval that the caller may decide, at this node if one is named; of equal ones the oldest."""
    wanted = [
        awaited
        for awaited in open_waits(instance, now)
        if awaited.wait_for.kind == "approval" and node_id in (None, awaited.visit.node_id)
    ]
    if not wanted:
        raise nothing_to_decide(instance, node_id)
    mine = [awaited for awaited in wanted if may_decide(instance, awaited.wait_for, caller)]
    if not mine:
        raise Forbidden("not_an_approver", "The node names who may decide, and you are not among them.")
    nodes = sorted({awaited.visit.node_id for awaited in mine})
    if len(nodes) > 1:
        raise Conflict("several_approvals", f"Several approvals are open: name one of {', '.join(nodes)} as `node_id`.")
    return mine[0]


def nothing_to_decide(instance: Instance, node_id: str | None) -> Conflict:
    """Why there is nothing to decide here: it is decided, or nobody asked."""
    places = [visit for visit, _ in instance.approvals]
    if any(node_id in (None, visit.node_id) for visit in places):
        return already_decided()
    where = "The instance" if node_id is None else f"Node {node_id!r}"
    return Conflict("no_open_approval", f"{where} waits for no decision; see what it waits for under `waits`.")


def already_decided() -> Conflict:
    """The first decision counts."""
    return Conflict("already_decided", "This has been decided already.")


def may_decide(instance: Instance, awaited: facts.WaitFor, caller: Caller) -> bool:
    """Whom the node names may decide; with nobody named, who may steer the instance."""
    users, teams = approvers(awaited)
    if not users and not teams:
        return belongs_to(instance, caller)
    return names(awaited, caller)


def names(awaited: facts.WaitFor, caller: Caller) -> bool:
    """Whether an approval names the caller, or a team in which the caller may steer."""
    users, teams = approvers(awaited)
    return caller.user_id in users or any(may(caller, "steer", team) for team in teams)


def belongs_to(instance: Instance, caller: Caller) -> bool:
    """Whether the caller may steer the instance anyway."""
    return may_steer(caller, instance.request.user_id, instance.request.team_id)


def approvers(awaited: facts.WaitFor) -> tuple[Sequence[Any], Sequence[Any]]:
    """The users and the teams that may decide."""
    named = (awaited.terms or {}).get("approvers") or {}
    return named.get("users") or (), named.get("teams") or ()


def asked_by(instance: Instance, caller: Caller) -> bool:
    """Whether the instance waits for this caller by name, who need not see it otherwise."""
    return any(names(awaited, caller) for wait in instance.waits.values() for awaited in wait.waits_for)


def was_asked(history: Iterable[facts.InstanceEvent], caller: Caller) -> bool:
    """Whether the instance has ever waited for this caller by name."""
    begun = (event for event in history if isinstance(event, facts.WaitStarted))
    return any(names(awaited, caller) for event in begun for awaited in event.waits_for)


def check_form(awaited: facts.WaitFor, form: Any, *, approved: bool) -> None:
    """Raise `Invalid` with every place where the form is not what was asked for; a rejection needs none."""
    schema = (awaited.terms or {}).get("form")
    if schema is None or (form is None and not approved):
        return
    problems = schemas.problems_of_value(schema, {} if form is None else form, ("form",))
    if problems:
        raise Invalid("form_invalid", "The form is not what the node asks for.", problems)
