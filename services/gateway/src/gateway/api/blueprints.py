"""Blueprints and templates over HTTP."""

from litestar import Response, delete, get, post, put
from pydantic import Field

from chassis.ids import new_id
from contracts.blueprint import (
    ArchiveBlueprint,
    BlueprintBody,
    BlueprintPage,
    BlueprintView,
    CloneTemplate,
    CreateBlueprint,
    GetBlueprint,
    ListBlueprints,
    ListTemplates,
    Name,
    TemplatePage,
    UpdateBlueprint,
    ValidateBlueprint,
    ValidationView,
)
from contracts.message import StrictMessage
from gateway import examples
from gateway.answers import etag, location, made, member, passed
from gateway.api import Asked, House, Id, Who
from gateway.asking import ask_again, look
from gateway.blueprint_bodies import blueprint_of, read_blueprint
from gateway.bodies import body_of
from gateway.operation import Operation, Outcome, described
from gateway.params import Version, if_match, query_model, query_of

WRITE_SECONDS = 15.0
"""The largest graph takes seconds to check and to record."""


class DryRun(StrictMessage):
    """The query keys of creating."""

    dry_run: bool = Field(default=False, description="Only check: answers every problem and writes nothing.")


class OneVersion(StrictMessage):
    """The query keys of reading one blueprint."""

    version: Version | None = Field(default=None, description="Which version; the latest by default.")


class CloneBody(StrictMessage):
    """What may be chosen when a template is cloned."""

    name: Name | None = Field(default=None, description="The clone's name; the template's by default.")


BlueprintKeys = query_model(ListBlueprints)
TemplateKeys = query_model(ListTemplates)
VERSION_HEADER = {"ETag": "The version, quoted."}
NEW_HEADERS = {"Location": "Where the new blueprint is.", **VERSION_HEADER}


@post(
    "/blueprints",
    operation_id="createBlueprint",
    opt=described(
        Operation(
            query=DryRun,
            body=BlueprintBody,
            example=examples.BLUEPRINT_BODY,
            outcomes={
                201: Outcome("The blueprint, version 1.", BlueprintView, examples.BLUEPRINT, headers=NEW_HEADERS),
                200: Outcome("A dry run: what is wrong with it.", ValidationView, examples.VALIDATION),
            },
        )
    ),
)
async def create_blueprint(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """Create a blueprint of your own, or, with `dry_run`, only learn what is wrong with it."""
    if query_of(DryRun, request).dry_run:
        return await _validate(request, caller, bus)
    body = await blueprint_of(request, caller, bus)
    command = CreateBlueprint(caller=caller, blueprint_id=new_id(), body=body)
    return _created(await ask_again(bus, command))


async def _validate(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    read = await read_blueprint(request, caller, bus)
    if isinstance(read, tuple):
        return made(ValidationView(valid=False, problems=read).model_dump(mode="json"))
    return passed(await bus.ask(ValidateBlueprint(caller=caller, body=read), WRITE_SECONDS))


@get(
    "/blueprints",
    operation_id="listBlueprints",
    opt=described(
        Operation(
            query=BlueprintKeys,
            outcomes={200: Outcome("A page, newest first.", BlueprintPage, examples.BLUEPRINT_PAGE)},
        )
    ),
)
async def list_blueprints(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List and search the blueprints that you may see; archived ones are left out."""
    return passed(await look(bus, ListBlueprints(caller=caller, **dict(query_of(BlueprintKeys, request)))))


@get(
    "/blueprints/{id:uuid}",
    operation_id="getBlueprint",
    opt=described(
        Operation(
            query=OneVersion,
            outcomes={200: Outcome("That version, whole.", BlueprintView, examples.BLUEPRINT, headers=VERSION_HEADER)},
        )
    ),
)
async def get_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Read one version of a blueprint with its nodes and edges, also when it has been archived."""
    version = query_of(OneVersion, request).version
    reply = await look(bus, GetBlueprint(caller=caller, blueprint_id=id, version=version))
    return passed(reply, headers=etag(member(reply, "version")))


@put(
    "/blueprints/{id:uuid}",
    operation_id="updateBlueprint",
    opt=described(
        Operation(
            body=BlueprintBody,
            example=examples.BLUEPRINT_BODY,
            headers={"If-Match": "The ETag of the version that you read; 412 when there is a newer one."},
            outcomes={200: Outcome("The new version.", BlueprintView, examples.BLUEPRINT, headers=VERSION_HEADER)},
            refusals=(409, 412),
        )
    ),
)
async def update_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Record the next version of your blueprint; earlier ones stay readable, running instances stay on theirs."""
    query_of(StrictMessage, request)
    expected = if_match(request)
    body = await blueprint_of(request, caller, bus, id, expected)
    command = UpdateBlueprint(caller=caller, blueprint_id=id, body=body, if_match=expected)
    reply = await bus.ask(command, WRITE_SECONDS)
    return passed(reply, headers=etag(member(reply, "version")))


@delete(
    "/blueprints/{id:uuid}",
    operation_id="deleteBlueprint",
    opt=described(Operation(outcomes={204: Outcome("It is archived, now or before.")})),
)
async def delete_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> None:
    """Archive your blueprint: running instances finish, new executions are refused, reading stays possible."""
    query_of(StrictMessage, request)
    await ask_again(bus, ArchiveBlueprint(caller=caller, blueprint_id=id))


@post(
    "/blueprints/{id:uuid}/clone",
    operation_id="cloneBlueprint",
    opt=described(
        Operation(
            body=CloneBody,
            body_optional=True,
            example=examples.CLONE_BODY,
            outcomes={201: Outcome("Your own copy.", BlueprintView, examples.CLONE, headers=NEW_HEADERS)},
            refusals=(409,),
        )
    ),
)
async def clone_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Make a private blueprint of your own from a template."""
    query_of(StrictMessage, request)
    body = await body_of(CloneBody, request, empty=b"{}")
    command = CloneTemplate(caller=caller, template_id=id, clone_id=new_id(), name=body.name)
    return _created(await ask_again(bus, command))


@get(
    "/templates",
    operation_id="listTemplates",
    opt=described(
        Operation(
            query=TemplateKeys,
            outcomes={200: Outcome("A page of the library, newest first.", TemplatePage, examples.TEMPLATE_PAGE)},
        )
    ),
)
async def list_templates(request: Asked, caller: Who, bus: House) -> Response[bytes]:
    """List the template library: your own, your teams', public and built-in ones, with how often each was cloned."""
    return passed(await look(bus, ListTemplates(caller=caller, **dict(query_of(TemplateKeys, request)))))


def _created(reply: bytes) -> Response[bytes]:
    headers = location("blueprints", member(reply, "id")) | etag(member(reply, "version"))
    return passed(reply, 201, headers)


ENDPOINTS = (
    create_blueprint,
    list_blueprints,
    get_blueprint,
    update_blueprint,
    delete_blueprint,
    clone_blueprint,
    list_templates,
)
