"""What people and other systems tell a run over HTTP: signals, approvals, rejections."""

from litestar import Response, post

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference, ResolveBlueprint
from contracts.execution import MAX_IDEMPOTENCY_KEY_LENGTH
from contracts.message import StrictMessage
from contracts.steering import (
    DecideApproval,
    DecisionBody,
    KeyedSignalBody,
    PostSignal,
    SignalBody,
    SignalInstance,
    SignalView,
    SteeringView,
)
from gateway import examples
from gateway.answers import passed
from gateway.api import Asked, House, Id, Who
from gateway.api.steering import ORDER_SECONDS
from gateway.asking import ask_again, look
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import idempotency_key, query_of

IDEMPOTENCY_KEY = {
    "Idempotency-Key": "Repeating the request with the same key within 24 hours is the same signal; other content: 409."
}


@post(
    "/instances/{id:uuid}/signal",
    operation_id="signalInstance",
    opt=described(
        Operation(
            body=SignalBody,
            example=examples.SIGNAL_BODY,
            headers=IDEMPOTENCY_KEY,
            outcomes={202: Outcome("It is kept until a wait for its name takes it.", SignalView, examples.SIGNAL)},
            refusals=(409,),
        )
    ),
)
async def signal_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Send a signal to one instance, which may not wait for it yet."""
    query_of(StrictMessage, request)
    key = idempotency_key(request, MAX_IDEMPOTENCY_KEY_LENGTH)
    body = await body_of(SignalBody, request)
    command = SignalInstance(caller=caller, instance_id=id, signal_id=new_id(), body=body, idempotency_key=key)
    return passed(await ask_again(bus, command), 202)


@post(
    "/blueprints/{id:uuid}/signals",
    operation_id="postSignal",
    opt=described(
        Operation(
            body=KeyedSignalBody,
            example=examples.KEYED_SIGNAL_BODY,
            headers=IDEMPOTENCY_KEY,
            outcomes={
                202: Outcome(
                    "It is kept until one takes it; `instance_id` is who took it, null while nobody waits.",
                    SignalView,
                    examples.SIGNAL,
                )
            },
            refusals=(409,),
        )
    ),
)
async def post_signal(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Send a signal to whichever of a blueprint's instances waits, or will wait, for its key: one takes it."""
    query_of(StrictMessage, request)
    key = idempotency_key(request, MAX_IDEMPOTENCY_KEY_LENGTH)
    body = await body_of(KeyedSignalBody, request)
    reply = await look(bus, ResolveBlueprint(caller=caller, blueprint_id=id))
    reference = BlueprintReference.model_validate_json(reply)
    command = PostSignal(caller=caller, blueprint=reference, signal_id=new_id(), body=body, idempotency_key=key)
    return passed(await ask_again(bus, command), 202)


def _decision(done: str) -> Operation:
    return Operation(
        body=DecisionBody,
        body_optional=True,
        example=examples.DECISION_BODY,
        outcomes={200: Outcome(done, SteeringView, examples.RESUMED)},
        refusals=(409,),
    )


@post(
    "/instances/{id:uuid}/approve",
    operation_id="approveInstance",
    opt=described(_decision("It is approved, and the instance goes on.")),
)
async def approve_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Approve what an instance waits for; `node_id` says which, when there are several, `form` what was asked."""
    return await _decide(request, id, caller, bus, approved=True)


@post(
    "/instances/{id:uuid}/reject",
    operation_id="rejectInstance",
    opt=described(_decision("It is rejected, and the instance goes on or fails, as its node says.")),
)
async def reject_instance(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Reject what an instance waits for; `comment` says why."""
    return await _decide(request, id, caller, bus, approved=False)


async def _decide(request: Asked, id: Id, caller: Who, bus: House, *, approved: bool) -> Response[bytes]:
    query_of(StrictMessage, request)
    body = await body_of(DecisionBody, request, empty=b"{}")
    command = DecideApproval(caller=caller, instance_id=id, approved=approved, body=body)
    return passed(await bus.ask(command, ORDER_SECONDS))


ENDPOINTS = (signal_instance, post_signal, approve_instance, reject_instance)
