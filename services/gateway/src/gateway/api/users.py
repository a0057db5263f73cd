"""Over HTTP: users, and who one is oneself."""

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from pydantic import Field

from contracts.access import (
    ActivateUser,
    DeactivateUser,
    EraseUser,
    GetUser,
    ListUsers,
    PlainText,
    RegisterUser,
    TeamId,
    UserPage,
    UserView,
)
from contracts.blueprint import DEFAULT_PAGE, PageLimit
from contracts.message import Capability, StrictMessage, View
from contracts.scopes import check_scope
from gateway import access_examples as examples
from gateway.answers import made, passed
from gateway.api import Asked, House, Who
from gateway.asking import ask_again, look
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of
from gateway.segments import user_in


class UserKeys(StrictMessage):
    """The query keys of listing users."""

    team: TeamId | None = Field(default=None, description="Only those with a role in this team.")
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class UserBody(StrictMessage):
    """What is known of a user beside the id."""

    display_name: PlainText | None = Field(default=None, description="For people; sealed where it lies.")


class OwnView(View):
    """Who a token or an API key speaks for here, and what it may be used for."""

    user_id: str
    teams: tuple[str, ...]
    roles: tuple[str, ...]
    """Of the token and of access: `team:role`, or `role` in each of the teams."""
    scopes: tuple[Capability, ...] | None
    """Of the API key; null for a token, which may do whatever its user may."""


@get(
    "/users",
    operation_id="listUsers",
    opt=described(
        Operation(
            query=UserKeys,
            outcomes={200: Outcome("A page, newest first.", UserPage, examples.USER_PAGE)},
        )
    ),
)
async def list_users(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List users: all for an admin of the deployment, those with a role in `team` for an admin of it."""
    keys = query_of(UserKeys, request)
    return passed(await look(bus, ListUsers(caller=caller, team_id=keys.team, limit=keys.limit, cursor=keys.cursor)))


@get(
    "/users/me",
    operation_id="getOwnUser",
    opt=described(Operation(outcomes={200: Outcome("Who you are here.", OwnView, examples.OWN)})),
)
async def get_own_user(request: Asked, caller: Who) -> Response[bytes]:
    """Read who you are here: your teams and roles, and what your API key may be used for."""
    query_of(StrictMessage, request)
    check_scope(caller, "read")
    own = OwnView(user_id=caller.user_id, teams=caller.teams, roles=caller.roles, scopes=caller.scopes)
    return made(own.model_dump(mode="json"))


@get(
    "/users/{user_id:str}",
    operation_id="getUser",
    opt=described(Operation(outcomes={200: Outcome("The user.", UserView, examples.USER)})),
)
async def get_user(request: Asked, user_id: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Read one user: yourself, or anybody for an admin of the deployment."""
    query_of(StrictMessage, request)
    return passed(await look(bus, GetUser(caller=caller, user_id=user_in(user_id))))


@put(
    "/users/{user_id:str}",
    operation_id="putUser",
    opt=described(
        Operation(
            body=UserBody,
            body_optional=True,
            example=examples.USER_BODY,
            outcomes={200: Outcome("The user as it is now.", UserView, examples.USER)},
            refusals=(409,),
        )
    ),
)
async def put_user(request: Asked, user_id: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Make a user known, or change the display name; for admins of the deployment, like what follows."""
    query_of(StrictMessage, request)
    named = user_in(user_id)
    body = await body_of(UserBody, request, empty=b"{}")
    return passed(await ask_again(bus, RegisterUser(caller=caller, user_id=named, display_name=body.display_name)))


@delete(
    "/users/{user_id:str}",
    operation_id="eraseUser",
    status_code=200,
    opt=described(Operation(outcomes={200: Outcome("What is left.", UserView, examples.ERASED)}, refusals=(409,))),
)
async def erase_user(request: Asked, user_id: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Erase a user for ever: the key is shredded with which everything personal was sealed."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, EraseUser(caller=caller, user_id=user_in(user_id))))


@post(
    "/users/{user_id:str}/deactivate",
    operation_id="deactivateUser",
    status_code=200,
    opt=described(Operation(outcomes={200: Outcome("Shut out.", UserView, examples.INACTIVE)}, refusals=(409,))),
)
async def deactivate_user(request: Asked, user_id: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Let a user in no more, with whatever token or API key."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, DeactivateUser(caller=caller, user_id=user_in(user_id))))


@post(
    "/users/{user_id:str}/activate",
    operation_id="activateUser",
    status_code=200,
    opt=described(Operation(outcomes={200: Outcome("Let in.", UserView, examples.USER)}, refusals=(409,))),
)
async def activate_user(request: Asked, user_id: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Let a user in again; an erased one never."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, ActivateUser(caller=caller, user_id=user_in(user_id))))


ENDPOINTS = (list_users, get_own_user, get_user, put_user, erase_user, deactivate_user, activate_user)
