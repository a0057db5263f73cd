"""Instances over HTTP: how they are, what they said, and how to stop one."""

import orjson
from litestar import Response, get, post

from contracts.execution import (
    CancelInstance,
    GetInstance,
    GetInstanceLogs,
    InstancePage,
    InstanceView,
    ListInstances,
    LogPage,
)
from contracts.message import StrictMessage
from gateway import examples
from gateway.answers import made, passed
from gateway.api import Asked, House, Id, Who
from gateway.api.executions import InstanceStatus
from gateway.asking import ask_again, look
from gateway.operation import Operation, Outcome, described
from gateway.params import query_model, query_of

InstanceKeys = query_model(ListInstances)
LogKeys = query_model(GetInstanceLogs, "instance_id")


@get(
    "/instances",
    operation_id="listInstances",
    opt=described(
        Operation(
            query=InstanceKeys,
            outcomes={200: Outcome("A page, newest first.", InstancePage, examples.INSTANCE_PAGE)},
        )
    ),
)
async def list_instances(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List your own and your teams' instances; `since` and `until` bound when they were created."""
    return passed(await look(bus, ListInstances(caller=caller, **dict(query_of(InstanceKeys, request)))))


@get(
    "/instances/{id:uuid}",
    operation_id="getInstance",
    opt=described(Operation(outcomes={200: Outcome("The instance as it is now.", InstanceView, examples.INSTANCE)})),
)
async def get_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Read one instance: status, input, output, error and figures."""
    query_of(StrictMessage, request)
    return passed(await look(bus, GetInstance(caller=caller, instance_id=id)))


@get(
    "/instances/{id:uuid}/logs",
    operation_id="getInstanceLogs",
    opt=described(
        Operation(query=LogKeys, outcomes={200: Outcome("A page, oldest first.", LogPage, examples.LOG_PAGE)})
    ),
)
async def get_instance_logs(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Read what happened to an instance, oldest first; `after` is the last `seq` that you have seen."""
    return passed(await look(bus, GetInstanceLogs(caller=caller, instance_id=id, **dict(query_of(LogKeys, request)))))


@post(
    "/instances/{id:uuid}/cancel",
    operation_id="cancelInstance",
    opt=described(
        Operation(
            outcomes={
                202: Outcome("It is cancelled, or will be as soon as it can.", InstanceStatus, examples.CANCELLED),
                200: Outcome("It had been cancelled before.", InstanceStatus, examples.CANCELLED),
            },
            refusals=(409,),
        )
    ),
)
async def cancel_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """End an instance before its time; 409 when it has ended otherwise."""
    query_of(StrictMessage, request)
    view = orjson.loads(await ask_again(bus, CancelInstance(caller=caller, instance_id=id)))
    return made(view, 202 if view.pop("changed") else 200)


ENDPOINTS = (list_instances, get_instance, get_instance_logs, cancel_instance)
