"""Over HTTP: what users and teams may use."""

from litestar import Response, get, put
from litestar.params import FromPath

from contracts.message import StrictMessage
from contracts.quotas import ListQuotas, QuotaLimits, QuotaList, QuotaView, SetQuota
from gateway import access_examples as examples
from gateway.answers import passed
from gateway.api import Asked, House, Who
from gateway.asking import ask_again, look
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of
from gateway.segments import kind_in, user_in


@get(
    "/quotas",
    operation_id="listQuotas",
    opt=described(
        Operation(outcomes={200: Outcome("By kind and owner.", QuotaList, examples.QUOTA_LIST)}),
    ),
)
async def list_quotas(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List the quotas that bound you and your teams; an admin of the deployment sees all."""
    query_of(StrictMessage, request)
    return passed(await look(bus, ListQuotas(caller=caller)))


@put(
    "/quotas/{kind:str}/{owner:str}",
    operation_id="putQuota",
    opt=described(
        Operation(
            body=QuotaLimits,
            example=examples.QUOTA_BODY,
            outcomes={200: Outcome("It holds from now on.", QuotaView, examples.QUOTA)},
            refusals=(409,),
        )
    ),
)
async def put_quota(
    request: Asked, kind: FromPath[str], owner: FromPath[str], caller: Who, bus: House
) -> Response[bytes]:
    """Replace the quota of a user or a team; what is left out or null is not limited. For admins of the deployment."""
    query_of(StrictMessage, request)
    kind_of_owner, named = kind_in(kind), user_in(owner)
    limits = await body_of(QuotaLimits, request)
    return passed(await ask_again(bus, SetQuota(caller=caller, kind=kind_of_owner, owner=named, limits=limits)))


ENDPOINTS = (list_quotas, put_quota)
