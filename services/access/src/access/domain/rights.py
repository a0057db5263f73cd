"""Who may decide about access: refusals that say the same whatever is there, so that nobody learns what is."""

from contracts.access import UserId
from contracts.message import Caller
from contracts.refusal import Forbidden
from contracts.roles import EVERYWHERE, administers


def check_deployment_admin(caller: Caller) -> None:
    """Refuse everybody but the deployment's admins."""
    if not administers(caller):
        raise Forbidden("not_an_admin", "Only an admin of the deployment (`*:admin`) may do this: ask one.")


def check_admin_of(caller: Caller, team_id: str) -> None:
    """Refuse everybody but the admins of a team and of the deployment, where `*` stands for the deployment."""
    if team_id == EVERYWHERE:
        check_deployment_admin(caller)
    elif not administers(caller, team_id):
        raise Forbidden("not_an_admin", f"Only an admin of team {team_id!r} or of the deployment may do this: ask one.")


def check_self_or_deployment_admin(caller: Caller, user_id: UserId) -> None:
    """Refuse whoever asks about somebody else, except the deployment's admins."""
    if caller.user_id != user_id and not administers(caller):
        detail = "Only an admin of the deployment (`*:admin`) may ask about somebody else: ask about yourself."
        raise Forbidden("not_an_admin", detail)
