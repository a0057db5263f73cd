"""Over HTTP: forget what a blueprint's runs and nodes answered."""

from typing import Annotated

from litestar import Response, delete
from pydantic import Field

from contracts.blueprint import BlueprintReference, ResolveBlueprint
from contracts.caching import CacheView, InvalidateCache
from contracts.message import StrictMessage
from contracts.workflow import NODE_ID_PATTERN
from gateway import examples
from gateway.answers import passed
from gateway.api import Asked, House, Id, Who
from gateway.asking import ask_again, look
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of


class CacheKeys(StrictMessage):
    """The query keys of clearing."""

    node_id: Annotated[str, Field(pattern=NODE_ID_PATTERN)] | None = Field(
        default=None, description="Only what this node answered; without it everything, whole executions included."
    )


@delete(
    "/blueprints/{id:uuid}/cache",
    operation_id="clearCache",
    status_code=200,
    opt=described(
        Operation(
            query=CacheKeys,
            outcomes={200: Outcome("How many answers are forgotten.", CacheView, examples.CLEARED)},
        )
    ),
)
async def clear_cache(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Forget what your blueprint, or your team's, has answered: what is asked next is worked out again."""
    node_id = query_of(CacheKeys, request).node_id
    reference = await look(bus, ResolveBlueprint(caller=caller, blueprint_id=id))
    blueprint = BlueprintReference.model_validate_json(reference)
    return passed(await ask_again(bus, InvalidateCache(caller=caller, blueprint=blueprint, node_id=node_id)))


ENDPOINTS = (clear_cache,)
