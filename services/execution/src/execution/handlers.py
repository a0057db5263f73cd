"""Commands in: execute a blueprint, cancel an instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from chassis import clock
from chassis.answering import Answerer
from chassis.bus import Bus
from chassis.extensions import vocabulary
from chassis.ledger import Append, VersionConflict
from contracts.execution import CancelInstance, CancelView, ExecuteBlueprint, ExecutionView
from contracts.instance_events import InstanceCancelRequested, InstanceEvent
from contracts.message import Request
from contracts.refusal import Conflict, Refusal, Unavailable
from execution import door
from execution.domain.instance import Instance
from execution.domain.permissions import check_cancelled
from execution.domain.turn import Turn
from execution.driving.endings import Endings
from execution.driving.known import KnownBlueprints
from execution.driving.outside import Outside
from execution.driving.records import Records
from execution.driving.worker import Worker
from execution.middleware.contract import Mailboxes
from execution.pipeline import Pipeline
from execution.reading.instances import InstanceReader
from execution.reading.views import execution_view
from execution.steering import idempotency, known_keys, orders
from execution.underway import Underway

CANCEL_WAIT_SECONDS = 1.0
"""How long a cancel waits for the owner, so that the answer is mostly the final one."""
CONFLICTS_MAX = 50
"""A busy instance moves on while somebody else decides; so often it is read again."""

Asked = tuple[UUID, str]
"""The instance to begin, and who asks for it."""


@dataclass(frozen=True)
class Collaborators:
    """What the handlers and queries of this service work with."""

    bus: Bus
    records: Records
    known: KnownBlueprints
    pipeline: Pipeline
    worker: Worker
    endings: Endings
    outside: Outside
    reader: InstanceReader
    mailboxes: Mailboxes
    accepting: Underway[Asked, ExecutionView] = field(default_factory=Underway)
    """What is being accepted right now."""


async def execute(command: ExecuteBlueprint, at: Collaborators) -> ExecutionView:
    """Accept a run; answer when it is recorded, or has ended. Asking again with the same id or key is the same run."""
    door.check_access(command.blueprint, command.caller)
    door.check_sizes(command)
    door.check_config(command, vocabulary())
    asked = (command.instance_id, command.caller.user_id)
    accepted = await at.accepting.once(asked, lambda: accept(command, at))
    if command.wait_seconds > 0:
        return execution_view(await at.endings.wait(accepted.instance_id, command.wait_seconds))
    return accepted


async def accept(command: ExecuteBlueprint, at: Collaborators) -> ExecutionView:
    """Record the request, or find that it has been recorded before; answers how the run is then."""
    for _ in range(CONFLICTS_MAX):
        looked = await known_keys.look_up(idempotency.of_execution(command), at.records)
        if looked.named is not None:
            return await known_as(looked.named, at)
        try:
            return execution_view(await admit(command, at, looked.also))
        except VersionConflict as conflict:
            if conflict.stream_id != command.instance_id:
                continue
            if not await is_recorded(command, at):
                raise busy("The same request is being recorded right now; ask again.") from conflict
        except Refusal:
            # Asked again: what the door says now does not change what it said then.
            if not await is_recorded(command, at):
                raise
        return await known_as(command.instance_id, at)
    raise busy("The Idempotency-Key is being used by too many requests at once.")


async def known_as(instance_id: UUID, at: Collaborators) -> ExecutionView:
    """A run that was recorded before, as it is recorded: who still drives it may not know that it was taken over."""
    return execution_view(await at.records.load(instance_id))


async def admit(
    command: ExecuteBlueprint, at: Collaborators, also: tuple[Append, ...] = (), **origin: object
) -> Instance:
    """Let the door's middleware decide, record the request with their decisions, and begin at once if there is room.

    `origin` is what a child's request says of where it comes from.
    """
    version = await at.known.at(command.blueprint)
    door.check_executor(command, version.graph, version.config, vocabulary())
    eager = at.worker.free_slots > 0
    turn = Turn(Instance(command.instance_id, version.graph), clock.now())
    config = at.pipeline.around.deployment.bounded(door.effective_config(version.config, command))
    request = door.requested(command, config, turn.now, at.worker.id if eager else None)
    turn.take(request.model_copy(update=origin))
    await at.pipeline.hear(turn)
    admission = tuple(turn.events)
    if not eager:
        await at.records.append(admission, also=also)
        await at.pipeline.committed(admission, turn.instance)
        return turn.instance
    await at.pipeline.drain(turn)
    try:
        await at.worker.start(turn.instance, turn, also)
        return turn.instance
    except VersionConflict as conflict:
        if all(event.originator_id != conflict.stream_id for event in turn.beside):
            raise
        # A mailbox that its first turn looked into has changed: admitted it is, the rest is decided again.
        await at.records.append(admission, also=also)
        admitted = Instance.replay(command.instance_id, admission, version.graph)
        await at.pipeline.committed(admission, admitted)
        at.worker.request(command.instance_id)
        return admitted


async def is_recorded(command: ExecuteBlueprint, at: Collaborators) -> bool:
    """Whether this request was recorded before; an id that is somebody else's is refused."""
    instance = await at.records.load(command.instance_id)
    if instance.requested is None:
        return False
    if instance.requested.user_id != command.caller.user_id:
        raise Conflict("instance_id_taken", "This instance id is taken; ask again with a new one.")
    return True


def busy(detail: str) -> Unavailable:
    """Too much at once; a second later it will do."""
    return Unavailable("busy", detail, retry_after_seconds=1.0)


async def cancel(command: CancelInstance, at: Collaborators) -> CancelView:
    """End a run before its time; whoever drives it is told at once."""
    check_cancelled(await at.records.request(command.instance_id), command.instance_id, command.caller)
    changed = False

    def decide(instance: Instance) -> list[InstanceEvent]:
        nonlocal changed
        changed = instance.status != "cancelled"
        if not changed:
            return []
        orders.check_alive(instance)
        if instance.cancel_requested_by is not None:
            return []
        return [
            InstanceCancelRequested(
                originator_id=instance.id,
                originator_version=instance.version + 1,
                timestamp=clock.now(),
                by=command.caller.user_id,
            )
        ]

    instance = await at.outside.tell(command.instance_id, decide)
    if not instance.ended:
        instance = await at.endings.wait(instance.id, CANCEL_WAIT_SECONDS)
    is_over = instance.status == "cancelled"
    return CancelView(instance_id=instance.id, status="cancelled" if is_over else "running", changed=changed)


COMMANDS: Mapping[type[Request], Answerer] = {ExecuteBlueprint: execute, CancelInstance: cancel}
"""What the service does when told to."""
