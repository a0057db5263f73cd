"""Commands in, decisions recorded: create, update, archive, clone."""

from collections.abc import Mapping
from uuid import UUID

from blueprint import validation
from blueprint.collaborators import Collaborators
from blueprint.domain import Blueprint, refuse
from blueprint.library import HOUSE
from chassis.answering import Answerer
from chassis.codec import encode_metadata
from chassis.streams import Streams
from chassis.telemetry import current_traceparent
from contracts.blueprint import (
    ArchiveBlueprint,
    BlueprintReference,
    BlueprintView,
    CloneTemplate,
    CreateBlueprint,
    UpdateBlueprint,
)
from contracts.message import Command, Request
from contracts.refusal import Conflict, Forbidden


async def create(command: CreateBlueprint, at: Collaborators) -> BlueprintView:
    """Record version 1, or refuse it with every problem at once; asking again gives the same answer."""
    refuse(await validation.problems_of(command.body, command.caller))
    blueprint = Blueprint.create(command.blueprint_id, command.body, command.caller)
    return await _added(blueprint, at.blueprints)


async def update(command: UpdateBlueprint, at: Collaborators) -> BlueprintView:
    """Record the next version; who may not know or change the blueprint hears that before anything about the body."""
    await at.references.check_seen(command.blueprint_id, command.caller)
    found = await validation.content_problems(command.body)

    def decide(blueprint: Blueprint) -> BlueprintView:
        blueprint.check_revisable(command.caller, command.if_match)
        blueprint.check_sharing(command.body, command.caller)
        refuse((*found, *blueprint.sharing_problems(command.body, command.caller)))
        blueprint.revise(command.body, command.caller, command.if_match)
        return blueprint.view()

    view, _ = await at.blueprints.change(command.blueprint_id, decide, _metadata(command.blueprint_id))
    return view


async def archive(command: ArchiveBlueprint, at: Collaborators) -> BlueprintReference:
    """Take it out of use; a second time changes nothing."""
    await at.references.check_seen(command.blueprint_id, command.caller)

    def decide(blueprint: Blueprint) -> Blueprint:
        blueprint.archive(command.caller)
        return blueprint

    blueprint, _ = await at.blueprints.change(command.blueprint_id, decide, _metadata(command.blueprint_id))
    return blueprint.reference()


async def clone_template(command: CloneTemplate, at: Collaborators) -> BlueprintView:
    """Record the caller's own copy of a template's latest version; asking again gives the same answer."""
    await at.references.check_seen(command.template_id, command.caller)
    template = await at.blueprints.get(command.template_id)
    clone = template.clone(command.clone_id, command.caller, command.name)
    refuse(validation.unkept_problems(command.model_dump_json(include={"name"}).encode()))
    return await _added(clone, at.blueprints)


async def _added(blueprint: Blueprint, blueprints: Streams[Blueprint]) -> BlueprintView:
    """Version 1 as recorded now, or as it was recorded when the same was asked before and the answer got lost."""
    try:
        await blueprints.add(blueprint, _metadata(blueprint.id))
    except Conflict:
        recorded = await blueprints.get(blueprint.id)
        if not blueprint.begins_like(recorded):
            raise
        return recorded.original_view()
    return blueprint.view()


def from_somebody(answer: Answerer) -> Answerer:
    """The handler, for everybody but the house: what it owns it changes by itself, whatever name a token bears."""

    async def answered(command: Command, at: Collaborators) -> object:
        if command.caller.user_id == HOUSE.user_id:
            detail = f"`{HOUSE.user_id}` is the name under which built-in templates are kept: be somebody else."
            raise Forbidden("reserved_user", detail)
        return await answer(command, at)

    return answered


def _metadata(id: UUID) -> bytes | None:
    return encode_metadata(correlation_id=id, traceparent=current_traceparent())


COMMANDS: Mapping[type[Request], Answerer] = {
    CreateBlueprint: from_somebody(create),
    UpdateBlueprint: from_somebody(update),
    ArchiveBlueprint: from_somebody(archive),
    CloneTemplate: from_somebody(clone_template),
}
"""Every command of this service, and who answers it."""
