"""Starting an instance for a `blueprint` node: through the door that all come by, once however often it is asked."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.ledger import VersionConflict
from chassis.logs import get_logger
from contracts.blueprint import BlueprintReference
from contracts.execution import ExecuteBlueprint, ExecuteBody
from contracts.instance_events import Parent
from contracts.message import Caller
from contracts.refusal import Missing, Refusal, TooMany, Unavailable
from contracts.workflow import MAX_CHILD_DEPTH
from execution import door
from execution.domain.decisions.finishing import ChildRequested
from execution.domain.instance import Instance
from execution.domain.visits import Visit
from execution.families.lineage import child_id_of, parent_of
from execution.handlers import Collaborators, admit
from execution.middleware.family import give_up, is_terminated
from execution.nodes.action import NodeCall, NodeFailure

TRY_AGAIN_SECONDS = 1.0
"""After the ledger could not be reached."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """One attempt of a `blueprint` node that asks for its child."""

    asker: Instance
    parent: Parent
    child_id: UUID
    call: NodeCall
    at: Collaborators

    async def request(self) -> ChildRequested:
        """The child as recorded; given up again if nobody wants it by then."""
        while True:
            try:
                child = await self.request_once()
                if self.call.cancellation.cancelled:
                    await self.give_up_unwanted()
            except NodeFailure:
                raise
            except Exception:
                log.exception("child.not_requested", child_id=str(self.child_id))
                if self.call.cancellation.cancelled:
                    raise
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                return child

    async def give_up_unwanted(self) -> None:
        """Stop the child if the parent wants none, as its ledger has it: another worker may be at it by now."""
        asker = await self.at.records.load(self.asker.id)
        running = asker.running.get(Visit(self.parent.node_id, self.parent.visit, self.parent.scope))
        in_flight = running is not None and running.number == self.call.attempt
        if not in_flight and self.child_id not in asker.children:
            await give_up(self.child_id, self.at.outside.tell, at_once=is_terminated(asker))

    async def request_once(self) -> ChildRequested:
        """Ask at the door; a child that was let in before is the same, whatever the door would say today."""
        try:
            blueprint = await self.let_in()
        except (VersionConflict, Refusal) as error:
            child = await self.at.records.load(self.child_id)
            if child.requested is None:
                raise as_failure(error) from error
            known = child.requested
            return self.started(known.blueprint_id, known.blueprint_version)
        return self.started(blueprint.id, blueprint.version)

    async def let_in(self) -> BlueprintReference:
        """Ask in the name of the parent's user; raises `Refusal`, and `VersionConflict` for one that was let in."""
        asked = self.asker.request
        caller = Caller(user_id=asked.user_id, teams=(asked.team_id,) if asked.team_id else ())
        blueprint = await called(self.call, caller, self.at)
        input = self.call.config.get("input")
        body = ExecuteBody(input=input, conversation_id=asked.conversation_id, metadata=asked.metadata)
        command = ExecuteBlueprint(caller=caller, instance_id=self.child_id, blueprint=blueprint, body=body)
        door.check_sizes(command)
        await admit(command, self.at, parent=self.parent, team_id=asked.team_id)
        return blueprint

    def started(self, blueprint_id: UUID, version: int) -> ChildRequested:
        """What the node's visit goes on with."""
        return ChildRequested(self.child_id, blueprint_id, version, self.parent.detached)


async def request(instance: Instance, visit: Visit, call: NodeCall, at: Collaborators) -> ChildRequested:
    """The child of this attempt, requested now or before; raises `NodeFailure` when it is turned away.

    What has begun is brought to its end even if nobody waits for it any more, for the child's request may be on its
    way to the ledger.
    """
    parent = parent_of(instance, visit, detached=call.config.get("wait") is False)
    if parent.depth > MAX_CHILD_DEPTH:
        message = (
            f"Instances start each other at most {MAX_CHILD_DEPTH} deep; a blueprint that runs itself needs an end."
        )
        raise NodeFailure("permanent", "too_deep", message)
    asking = Asking(instance, parent, child_id_of(instance.id, visit, call.attempt), call, at)
    requesting = asyncio.create_task(asking.request())
    at.worker.keep(requesting)
    return await asyncio.shield(requesting)


async def called(call: NodeCall, caller: Caller, at: Collaborators) -> BlueprintReference:
    """The blueprint that the node names, at the version it means; raises `Refusal` when the caller may not run it."""
    blueprint_id, version = named_blueprint(call.config.get("blueprint_id")), call.config.get("version")
    standing = await at.known.standing(blueprint_id)
    chosen = standing.latest_version if version in (None, "latest") else named_version(version)
    blueprint = standing.reference(blueprint_id, chosen)
    door.check_access(blueprint, caller)
    if chosen > standing.latest_version:
        detail = f"Blueprint {blueprint_id} has no version {chosen}; the latest is {standing.latest_version}."
        raise Missing("version_not_found", detail)
    return blueprint


def named_blueprint(value: Any) -> UUID:
    """The id that the node's configuration holds once its template is rendered."""
    try:
        return UUID(str(value))
    except ValueError:
        message = f"`blueprint_id` must be the id of a blueprint, a UUID, but is {value!r}."
        raise NodeFailure("permanent", "bad_blueprint_id", message) from None


def named_version(value: Any) -> int:
    """A version's number."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f'`version` must be a number from 1, or "latest", but is {value!r}.'
        raise NodeFailure("permanent", "bad_version", message)
    return value


def as_failure(error: VersionConflict | Refusal) -> NodeFailure:
    """What being turned away means for the node: a rate limit and what is not there yet pass by themselves."""
    if isinstance(error, VersionConflict):
        return NodeFailure("transient", "busy", "The instance is being recorded right now.", 1.0)
    passes = isinstance(error, TooMany | Unavailable)
    problems = "".join(f" {problem.pointer or '/'}: {problem.message}" for problem in error.errors)
    message = f"{error.detail}{problems}"
    return NodeFailure("transient" if passes else "permanent", error.code, message, error.retry_after_seconds)
