"""Steering a run over HTTP: orders to pause, resume, end or retry it, and what it waits for and belongs to."""

import re

from litestar import Response, get, post

from contracts.message import StrictMessage
from contracts.refusal import Missing
from contracts.steering import (
    CancelNode,
    GetLineage,
    GetWaits,
    LineageView,
    PauseInstance,
    ResumeInstance,
    RetryInstance,
    SteeringView,
    TerminateInstance,
    WaitsView,
)
from contracts.workflow import NODE_ID_PATTERN
from gateway import examples
from gateway.answers import member, passed
from gateway.api import Asked, House, Id, NodeId, Who
from gateway.asking import ask_again, look
from gateway.operation import Operation, Outcome, described
from gateway.params import query_of

ORDER_SECONDS = 10.0
"""How long an order may take that must not be given twice: the second time it would be refused."""
NODE_ID = re.compile(NODE_ID_PATTERN)


@post(
    "/instances/{id:uuid}/pause",
    operation_id="pauseInstance",
    opt=described(
        Operation(
            outcomes={
                202: Outcome("It is paused, or will be when nothing is in flight.", SteeringView, examples.PAUSED),
                200: Outcome("It had been asked to pause before.", SteeringView, examples.PAUSED | examples.UNCHANGED),
            },
            refusals=(409,),
        )
    ),
)
async def pause_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Begin nothing further in an instance: what is in flight ends, timers and signals are kept for later."""
    query_of(StrictMessage, request)
    return _ordered(await ask_again(bus, PauseInstance(caller=caller, instance_id=id)))


@post(
    "/instances/{id:uuid}/resume",
    operation_id="resumeInstance",
    opt=described(
        Operation(
            outcomes={
                202: Outcome("It goes on.", SteeringView, examples.RESUMED),
                200: Outcome("It was not paused.", SteeringView, examples.RESUMED | examples.UNCHANGED),
            },
            refusals=(409,),
        )
    ),
)
async def resume_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Let a paused instance go on where it stopped; timers that came due meanwhile fire at once."""
    query_of(StrictMessage, request)
    return _ordered(await ask_again(bus, ResumeInstance(caller=caller, instance_id=id)))


@post(
    "/instances/{id:uuid}/terminate",
    operation_id="terminateInstance",
    opt=described(
        Operation(
            outcomes={
                202: Outcome("It is terminated, or will be in a moment.", SteeringView, examples.TERMINATED),
                200: Outcome("It had been before.", SteeringView, examples.TERMINATED | examples.UNCHANGED),
            },
            refusals=(409,),
        )
    ),
)
async def terminate_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """End an instance at once, without its compensations; `cancel` is the gentle way."""
    query_of(StrictMessage, request)
    return _ordered(await ask_again(bus, TerminateInstance(caller=caller, instance_id=id)))


@post(
    "/instances/{id:uuid}/retry",
    operation_id="retryInstance",
    opt=described(
        Operation(
            outcomes={202: Outcome("It goes on.", SteeringView, examples.RESUMED)},
            refusals=(409,),
        )
    ),
)
async def retry_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Let a failed instance go on from where it failed: what was done stays done."""
    query_of(StrictMessage, request)
    return _ordered(await bus.ask(RetryInstance(caller=caller, instance_id=id), ORDER_SECONDS))


@post(
    "/instances/{id:uuid}/nodes/{node_id:str}/cancel",
    operation_id="cancelNode",
    opt=described(
        Operation(
            outcomes={202: Outcome("The node is given up, or will be in a moment.", SteeringView, examples.RESUMED)},
            refusals=(409,),
        )
    ),
)
async def cancel_node(request: Asked, id: Id, node_id: NodeId, caller: Who, bus: House) -> Response[bytes]:
    """Give up whatever goes on at one node; the other branches go on."""
    query_of(StrictMessage, request)
    if not NODE_ID.fullmatch(node_id):
        raise Missing("node_not_found", f"No node of any blueprint is called {node_id!r}.")
    return _ordered(await bus.ask(CancelNode(caller=caller, instance_id=id, node_id=node_id), ORDER_SECONDS))


@get(
    "/instances/{id:uuid}/waits",
    operation_id="getInstanceWaits",
    opt=described(Operation(outcomes={200: Outcome("Everything that would let it go on.", WaitsView, examples.WAITS)})),
)
async def get_waits(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """List what an instance waits for right now: signals, approvals, times."""
    query_of(StrictMessage, request)
    return passed(await look(bus, GetWaits(caller=caller, instance_id=id)))


@get(
    "/instances/{id:uuid}/lineage",
    operation_id="getInstanceLineage",
    opt=described(Operation(outcomes={200: Outcome("Its parent and its children.", LineageView, examples.LINEAGE)})),
)
async def get_lineage(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Show which instance started this one, and which ones it started."""
    query_of(StrictMessage, request)
    return passed(await look(bus, GetLineage(caller=caller, instance_id=id)))


def _ordered(reply: bytes) -> Response[bytes]:
    return passed(reply, 202 if member(reply, "changed") else 200)


ENDPOINTS = (
    pause_instance,
    resume_instance,
    terminate_instance,
    retry_instance,
    cancel_node,
    get_waits,
    get_lineage,
)
