"""Over HTTP: named secrets, written and never read."""

from typing import Annotated

from litestar import Response, delete, get, put
from litestar.params import FromPath
from pydantic import Field

from contracts.access import TeamId
from contracts.message import StrictMessage
from contracts.secrets import (
    MAX_SECRET_CHARACTERS,
    DeleteSecret,
    ListSecrets,
    SecretList,
    SecretValue,
    SecretView,
    StoreSecret,
)
from gateway import access_examples as examples
from gateway.answers import passed
from gateway.api import Asked, House, Who
from gateway.api.steering import ORDER_SECONDS
from gateway.asking import look
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of
from gateway.segments import secret_in
from gateway.visits import visit_of


class SecretKeys(StrictMessage):
    """The query keys of everything about secrets."""

    team: TeamId | None = Field(default=None, description="The team's; your own by default.")


class SecretBody(StrictMessage):
    """What a secret is to be."""

    value: Annotated[SecretValue, Field(min_length=1, max_length=MAX_SECRET_CHARACTERS)]


@get(
    "/secrets",
    operation_id="listSecrets",
    opt=described(
        Operation(
            query=SecretKeys,
            outcomes={200: Outcome("Their names, in alphabetical order.", SecretList, examples.SECRET_LIST)},
        )
    ),
)
async def list_secrets(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List the names of your secrets, or of a team's for its members; no answer ever holds a value."""
    return passed(await look(bus, ListSecrets(caller=caller, team_id=query_of(SecretKeys, request).team)))


@put(
    "/secrets/{name:str}",
    operation_id="putSecret",
    opt=described(
        Operation(
            query=SecretKeys,
            body=SecretBody,
            example=examples.SECRET_BODY,
            outcomes={200: Outcome("Kept, sealed.", SecretView, examples.SECRET)},
            refusals=(409,),
        )
    ),
)
async def put_secret(request: Asked, name: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Keep a secret of yours, or of a team that you administer: nodes read it as `${secrets.NAME}`."""
    team = _team(request, name)
    named = secret_in(name)
    body = await body_of(SecretBody, request)
    command = StoreSecret(caller=caller, name=named, team_id=team, value=body.value)
    return passed(await bus.ask(command, ORDER_SECONDS))


@delete(
    "/secrets/{name:str}",
    operation_id="deleteSecret",
    status_code=200,
    opt=described(
        Operation(
            query=SecretKeys,
            outcomes={200: Outcome("Forgotten.", SecretView, examples.SECRET)},
        )
    ),
)
async def delete_secret(request: Asked, name: FromPath[str], caller: Who, bus: House) -> Response[bytes]:
    """Forget a secret: runs that need it fail from now on."""
    team = _team(request, name)
    return passed(await bus.ask(DeleteSecret(caller=caller, name=secret_in(name), team_id=team), ORDER_SECONDS))


def _team(request: Asked, name: str) -> str | None:
    team = query_of(SecretKeys, request).team
    if team is not None:
        visit_of(request.scope).target = f"{team}/{name}"
    return team


ENDPOINTS = (list_secrets, put_secret, delete_secret)
