"""Keep parents and children in step: a parent hears how its child ended, a child that it was given up."""

from collections.abc import Sequence
from uuid import UUID

from chassis import clock
from contracts import instance_events as facts
from execution.domain.folds.nodes import visit_of
from execution.domain.instance import Instance
from execution.families.lineage import calls_another, child_id_of
from execution.middleware.contract import Surroundings, Tell
from execution.steering.orders import following

PARENT = "parent"
"""Who asks a child to stop."""


async def report(event: facts.InstanceEnded, instance: Instance, around: Surroundings) -> None:
    """Tell the parent, if it waits, how this child ended."""
    await tell_parent(instance, around.tell)


async def let_go(event: facts.NodeEvent, instance: Instance, around: Surroundings) -> None:
    """A visit failed or was given up: the child that it started is of no use any more, unless it has ended."""
    if not calls_another(instance, event.node_id):
        return
    child_id = child_id_of(instance.id, visit_of(event), event.attempt)
    if child_id not in instance.children_ended:
        await give_up(child_id, around.tell, at_once=is_terminated(instance))


async def let_go_again(event: facts.InstanceClaimed, instance: Instance, around: Surroundings) -> None:
    """The worker before may have died between giving a child up and telling it."""
    for child_id in [child_id for child_id in instance.offspring if child_id not in instance.children]:
        await give_up(child_id, around.tell, at_once=is_terminated(instance))


async def tell_parent(child: Instance, tell: Tell) -> None:
    """Record the end of a child in its parent, once: the first answer counts, also where the child goes on later."""
    parent = child.request.parent
    if parent is None or parent.detached or not child.ended:
        return

    def decide(waiting: Instance) -> Sequence[facts.InstanceEvent]:
        if waiting.version == 0 or waiting.ended or child.id in waiting.children_ended:
            return ()
        said = {"child_id": child.id, "outcome": child.status, "output": child.output, "error": child.error}
        return (following(waiting, facts.ChildEnded, clock.now(), **said),)

    await tell(parent.instance_id, decide)


async def give_up(child_id: UUID, tell: Tell, *, at_once: bool = False) -> Instance:
    """Ask a child to stop, `at_once` without compensation; answers it. One on its own is left alone."""

    def decide(child: Instance) -> Sequence[facts.InstanceEvent]:
        if is_on_its_own(child):
            return ()
        if at_once:
            asked = child.terminate_requested_by is not None
            return () if asked else (following(child, facts.InstanceTerminateRequested, clock.now(), by=PARENT),)
        if child.cancel_requested_by is not None:
            return ()
        return (following(child, facts.InstanceCancelRequested, clock.now(), by=PARENT),)

    return await tell(child_id, decide)


def is_terminated(parent: Instance) -> bool:
    """Whether it goes without compensation, and its children with it."""
    return parent.terminate_requested_by is not None


def is_on_its_own(child: Instance) -> bool:
    """Whether its parent's fate is not its own: it does not exist, has ended, was let go, or was retried since."""
    if child.requested is None or child.ended or child.reopened:
        return True
    parent = child.requested.parent
    return parent is None or parent.detached
