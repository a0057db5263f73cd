"""Over HTTP: API keys, issued, listed, revoked."""

from typing import Annotated

from litestar import Response, delete, get, post
from pydantic import Field

from chassis.ids import new_id
from contracts.access import MAX_ROLES_OF_A_USER, TeamId, UserId
from contracts.api_keys import (
    ApiKeyPage,
    ApiKeyView,
    IssueApiKey,
    IssuedApiKeyView,
    KeyName,
    ListApiKeys,
    RevokeApiKey,
)
from contracts.blueprint import DEFAULT_PAGE, PageLimit
from contracts.message import Capability, StrictMessage
from gateway import access_examples as examples
from gateway.answers import location, member, passed
from gateway.api import Asked, House, Id, Who
from gateway.api.steering import ORDER_SECONDS
from gateway.asking import ask_again, look
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import Rfc3339, query_of

DEFAULT_SCOPES: tuple[Capability, ...] = ("read", "execute", "steer", "edit")


class ApiKeyKeys(StrictMessage):
    """The query keys of listing API keys."""

    owner: UserId | None = Field(default=None, description="Whose; another's are for admins of the deployment.")
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class ApiKeyBody(StrictMessage):
    """What an API key is to be good for."""

    name: KeyName
    scopes: Annotated[tuple[Capability, ...], Field(min_length=1, max_length=5)] = DEFAULT_SCOPES
    teams: tuple[TeamId, ...] | None = Field(
        default=None, max_length=MAX_ROLES_OF_A_USER, description="Where it may be used; null: in all of yours."
    )
    expires_at: Rfc3339 | None = Field(default=None, description="From when it opens nothing; null: never.")


@post(
    "/api-keys",
    operation_id="issueApiKey",
    opt=described(
        Operation(
            body=ApiKeyBody,
            example=examples.KEY_BODY,
            outcomes={
                201: Outcome(
                    "The key, which is shown this once.",
                    IssuedApiKeyView,
                    examples.ISSUED_KEY,
                    headers={"Location": "Where it can be revoked."},
                )
            },
        )
    ),
)
async def issue_api_key(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Issue an API key that acts as you, within its scopes; only its digest is kept, so keep what is answered."""
    query_of(StrictMessage, request)
    body = await body_of(ApiKeyBody, request)
    command = IssueApiKey(caller=caller, key_id=new_id(), **dict(body))
    reply = await bus.ask(command, ORDER_SECONDS)
    return passed(reply, 201, location("api-keys", member(reply, "id")))


@get(
    "/api-keys",
    operation_id="listApiKeys",
    opt=described(
        Operation(
            query=ApiKeyKeys,
            outcomes={200: Outcome("A page, newest first.", ApiKeyPage, examples.KEY_PAGE)},
        )
    ),
)
async def list_api_keys(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List API keys without their secrets, those that are revoked or expired too."""
    keys = query_of(ApiKeyKeys, request)
    query = ListApiKeys(caller=caller, owner_id=keys.owner, limit=keys.limit, cursor=keys.cursor)
    return passed(await look(bus, query))


@delete(
    "/api-keys/{id:uuid}",
    operation_id="revokeApiKey",
    status_code=200,
    opt=described(Operation(outcomes={200: Outcome("Revoked.", ApiKeyView, examples.REVOKED_KEY)})),
)
async def revoke_api_key(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Revoke an API key, your own or anybody's as an admin of the deployment: it opens nothing from now on."""
    query_of(StrictMessage, request)
    return passed(await ask_again(bus, RevokeApiKey(caller=caller, key_id=id)))


ENDPOINTS = (issue_api_key, list_api_keys, revoke_api_key)
