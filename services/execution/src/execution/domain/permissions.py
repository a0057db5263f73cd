"""Who may run a blueprint, see the run, steer it, stop it; by `contracts.roles` (pure)."""

from uuid import UUID

from contracts.blueprint import BlueprintReference
from contracts.instance_events import InstanceRequested
from contracts.message import Caller
from contracts.refusal import Forbidden, Missing
from contracts.roles import may, role_forbids, was_given


def visible_to(caller: Caller, user_id: str, team_id: str | None) -> bool:
    """An instance belongs to the one who started it, and is seen by the team of its blueprint."""
    return caller.user_id == user_id or may(caller, "read", team_id)


def may_steer(caller: Caller, user_id: str, team_id: str | None) -> bool:
    """Whether orders from the caller count: from the one who started it, and from who has `steer` in its team."""
    return caller.user_id == user_id or may(caller, "steer", team_id)


def not_found(instance_id: UUID) -> Missing:
    """The same words for an instance that is not there and for one that the caller may not see."""
    return Missing("instance_not_found", f"There is no instance {instance_id}.")


def check_seen(request: InstanceRequested | None, instance_id: UUID, caller: Caller) -> InstanceRequested:
    """The request of an instance that the caller may see; not there and not visible look the same."""
    if request is None or not visible_to(caller, request.user_id, request.team_id):
        raise not_found(instance_id)
    return request


def check_steered(request: InstanceRequested | None, instance_id: UUID, caller: Caller) -> InstanceRequested:
    """The request of an instance that the caller may steer; 403 to whom may only look at it."""
    known = check_seen(request, instance_id, caller)
    if not may_steer(caller, known.user_id, known.team_id):
        what = f"Steering instance {instance_id}, which somebody else started,"
        raise role_forbids(caller, "steer", known.team_id or "", what)
    return known


def check_cancelled(request: InstanceRequested | None, instance_id: UUID, caller: Caller) -> InstanceRequested:
    """The request of an instance that the caller may end before its time: as its starter, or by a role to steer.

    To be a member of the team is not enough: what it undoes may be more than the member has seen.
    """
    known = check_seen(request, instance_id, caller)
    if caller.user_id != known.user_id and not was_given(caller, "steer", known.team_id):
        what = f"Cancelling instance {instance_id}, which somebody else started,"
        raise role_forbids(caller, "steer", known.team_id or "", what)
    return known


def check_blueprint_seen(blueprint: BlueprintReference, caller: Caller) -> None:
    """Refuse (404) what the caller may not see."""
    if not blueprint.visible_to(caller):
        raise Missing("blueprint_not_found", f"There is no blueprint {blueprint.id}.")


def check_executed(blueprint: BlueprintReference, caller: Caller) -> None:
    """Refuse what the caller may not run: all may what is public, its owner always, in a team who has `execute`."""
    check_blueprint_seen(blueprint, caller)
    if blueprint.visibility == "public" or caller.user_id == blueprint.owner_id:
        return
    if not may(caller, "execute", blueprint.team_id):
        what = f"Running blueprint {blueprint.id} of a team"
        raise role_forbids(caller, "execute", blueprint.team_id or "", what)


def check_signalled(blueprint: BlueprintReference, caller: Caller) -> None:
    """Refuse a signal by key that would reach runs of a team in which the caller steers nothing."""
    check_executed(blueprint, caller)
    team_id = acting_team(blueprint, caller)
    if team_id is not None and not may(caller, "steer", team_id):
        raise role_forbids(caller, "steer", team_id, "A signal by its key, which may reach anybody's run of the team,")


def check_cleared(blueprint: BlueprintReference, caller: Caller) -> None:
    """Refuse to forget what a blueprint answered: its owner may, and who has `steer` in its team."""
    check_blueprint_seen(blueprint, caller)
    if caller.user_id == blueprint.owner_id or may(caller, "steer", blueprint.team_id):
        return
    if blueprint.team_id is None:
        raise Forbidden("not_the_owner", "Only the owner of a blueprint may clear its cache: ask the owner.")
    raise role_forbids(caller, "steer", blueprint.team_id, "Clearing the cache of a blueprint that is not your own")


def acting_team(blueprint: BlueprintReference, caller: Caller) -> str | None:
    """The team that the caller acts for: the blueprint's, when it is shared and the caller may run for the team."""
    is_teams = blueprint.visibility != "private" and may(caller, "execute", blueprint.team_id)
    return blueprint.team_id if is_teams else None
