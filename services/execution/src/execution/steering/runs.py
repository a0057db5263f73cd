"""Commands in: pause, resume, terminate or retry a run, give up one node of it, decide what it waits for."""

from collections.abc import Mapping

from chassis import clock
from chassis.answering import Answerer
from contracts.instance_events import InstanceEvent
from contracts.message import Request
from contracts.steering import (
    CancelNode,
    DecideApproval,
    PauseInstance,
    ResumeInstance,
    RetryInstance,
    SteeringCommand,
    SteeringView,
    TerminateInstance,
)
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.permissions import check_steered, may_steer
from execution.handlers import Collaborators
from execution.sizes import check_size
from execution.steering import approving, orders

END_WAIT_SECONDS = 1.0
"""How long an order to end waits for the owner, so that the answer is mostly the final one."""


async def pause(command: PauseInstance, at: Collaborators) -> SteeringView:
    """Begin nothing further."""
    return await give(command, at, orders.pause)


async def resume(command: ResumeInstance, at: Collaborators) -> SteeringView:
    """Go on after a pause."""
    return await give(command, at, orders.resume)


async def retry(command: RetryInstance, at: Collaborators) -> SteeringView:
    """Go on after a failure."""
    return await give(command, at, orders.retry)


async def terminate(command: TerminateInstance, at: Collaborators) -> SteeringView:
    """End at once."""
    told = await give(command, at, orders.terminate)
    if told.status == "terminated":
        return told
    instance = await at.endings.wait(command.instance_id, END_WAIT_SECONDS)
    return told.model_copy(update={"status": instance.status})


async def cancel_node(command: CancelNode, at: Collaborators) -> SteeringView:
    """Give up what goes on at one node."""
    request = check_steered(await at.records.request(command.instance_id), command.instance_id, command.caller)
    version = await at.known.find(request.blueprint_id, request.blueprint_version)
    return await give(command, at, orders.cancel_node(command.node_id), version.graph if version else None)


async def decide_approval(command: DecideApproval, at: Collaborators) -> SteeringView:
    """Approve or reject."""
    check_size("form", command.body.form)
    request, caller = await at.records.request(command.instance_id), command.caller
    steers = request is not None and may_steer(caller, request.user_id, request.team_id)
    # Who was asked by name need not see the run.
    if not steers and not approving.was_asked(await at.records.waits_begun(command.instance_id), caller):
        check_steered(request, command.instance_id, caller)

    def decide(instance: Instance) -> list[InstanceEvent]:
        return approving.decided(instance, command, clock.now())

    instance = await at.outside.tell(command.instance_id, decide)
    return SteeringView(instance_id=instance.id, status=instance.status)


async def give(
    command: SteeringCommand, at: Collaborators, order: orders.Order, graph: CompiledGraph | None = None
) -> SteeringView:
    """Record what the order comes to, given by one who may steer."""
    check_steered(await at.records.request(command.instance_id), command.instance_id, command.caller)
    changed = False

    def decide(instance: Instance) -> list[InstanceEvent]:
        nonlocal changed
        told = order(instance, command.caller.user_id, clock.now())
        changed = bool(told)
        return told

    instance = await at.outside.tell(command.instance_id, decide, graph=graph)
    return SteeringView(instance_id=instance.id, status=instance.status, changed=changed)


COMMANDS: Mapping[type[Request], Answerer] = {
    PauseInstance: pause,
    ResumeInstance: resume,
    TerminateInstance: terminate,
    RetryInstance: retry,
    CancelNode: cancel_node,
    DecideApproval: decide_approval,
}
"""What lets a caller steer a run."""
