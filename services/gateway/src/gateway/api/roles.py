"""Over HTTP: the roles of users in teams."""

from typing import Any

from litestar import Response, delete, put

from contracts.access import GrantRole, RevokeRole, UserView
from contracts.message import StrictMessage
from gateway import access_examples as examples
from gateway.answers import passed
from gateway.api import Asked, House, Who
from gateway.asking import ask_again
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of
from gateway.segments import role_in, team_in, user_in

PATH = "/users/{user_id:str}/roles/{team:str}/{role:str}"


@put(
    PATH,
    operation_id="grantRole",
    opt=described(Operation(outcomes={200: Outcome("Granted.", UserView, examples.USER)}, refusals=(409,))),
)
async def grant_role(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Give a user a role in a team, or in the deployment (`*`): for admins of the team or of the deployment."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, GrantRole(caller=caller, **_named(request))))


@delete(
    PATH,
    operation_id="revokeRole",
    status_code=200,
    opt=described(Operation(outcomes={200: Outcome("Taken away.", UserView, examples.USER)})),
)
async def revoke_role(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Take a role away, which takes effect at once; one that is not held changes nothing."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, RevokeRole(caller=caller, **_named(request))))


def _named(request: Asked) -> dict[str, Any]:
    """The role that the path names, of whom and where; raises `Missing`."""
    path = request.path_params
    return {"user_id": user_in(path["user_id"]), "team_id": team_in(path["team"]), "role": role_in(path["role"])}


ENDPOINTS = (grant_role, revoke_role)
