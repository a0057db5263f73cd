"""Running a blueprint over HTTP: at once, in the background, or watched line by line."""

from collections.abc import Mapping
from uuid import UUID

from litestar import Response, post
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream
from pydantic import Field

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference, ResolveBlueprint
from contracts.execution import (
    MAX_IDEMPOTENCY_KEY_LENGTH,
    ExecuteBlueprint,
    ExecuteBody,
    ExecutionView,
    Mode,
    Status,
    StreamLine,
)
from contracts.message import StrictMessage, View
from contracts.workflow import DEFAULT_WAIT_SECONDS
from gateway import examples
from gateway.answers import location, made, passed
from gateway.api import Asked, House, Id, Who
from gateway.asking import Answer, Asking, look, once_there
from gateway.bodies import body_of
from gateway.following import Following
from gateway.operation import Operation, Outcome, described
from gateway.params import Version, idempotency_key, query_of

NDJSON = "application/x-ndjson"
IDEMPOTENCY_KEY = {
    "Idempotency-Key": "Repeating the request with the same key within 24 hours is the same run; other content: 409."
}
VERSION_KEY = Field(default=None, description="Which version to run; the latest by default.")


class ExecuteKeys(StrictMessage):
    """The query keys of executing."""

    mode: Mode = Field(default="sync", description="`sync` waits for the end, `async` only until it is accepted.")
    version: Version | None = VERSION_KEY


class StreamKeys(StrictMessage):
    """The query keys of streaming."""

    version: Version | None = VERSION_KEY


class InstanceStatus(View):
    """Which run, and how it is."""

    instance_id: UUID
    status: Status


@post(
    "/blueprints/{id:uuid}/execute",
    operation_id="executeBlueprint",
    opt=described(
        Operation(
            query=ExecuteKeys,
            body=ExecuteBody,
            example=examples.EXECUTE_BODY,
            headers=IDEMPOTENCY_KEY,
            outcomes={
                200: Outcome("It has ended; a failed run has the status `failed`.", ExecutionView, examples.EXECUTION),
                202: Outcome(
                    "It is accepted and goes on.",
                    InstanceStatus,
                    examples.ACCEPTED,
                    headers={"Location": "Where the instance is."},
                ),
            },
            refusals=(409, 429),
        )
    ),
)
async def execute_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> Response[bytes]:
    """Run a blueprint, and wait for its end for up to `config.wait_seconds` (30), or not at all (`mode=async`)."""
    query = query_of(ExecuteKeys, request)
    command = await _command(request, id, query.version, caller, bus)
    if query.mode == "sync":
        command = command.model_copy(update={"wait_seconds": _patience(command.body)})
    answer = await Asking(bus, command, request.app.state.draining).answer()
    if query.mode == "sync" and answer.ended:
        return passed(answer.body)
    return made(_status(answer), 202, location("instances", answer.instance_id))


@post(
    "/blueprints/{id:uuid}/stream",
    operation_id="streamBlueprint",
    opt=described(
        Operation(
            query=StreamKeys,
            body=ExecuteBody,
            example=examples.EXECUTE_BODY,
            headers=IDEMPOTENCY_KEY,
            outcomes={
                200: Outcome(
                    "One JSON object a line, up to the run's end; `seq` is null for tokens. "
                    'Every 15 s a line `{"event":"Heartbeat"}`.',
                    StreamLine,
                    examples.STREAM_LINE,
                    media_type=NDJSON,
                    headers={"X-Instance-Id": "The instance that is followed."},
                )
            },
            refusals=(409, 429),
        )
    ),
)
async def stream_blueprint(request: Asked, id: Id, caller: Who, bus: House) -> Stream:
    """Run a blueprint and follow its events as they happen; going away does not cancel it."""
    query = query_of(StreamKeys, request)
    command = await _command(request, id, query.version, caller, bus)
    following = Following(bus, caller, command.instance_id, request.app.state.draining)
    await following.listen()
    try:
        answer = await Asking(bus, command, request.app.state.draining).answer()
        repeated = answer.instance_id != command.instance_id
        if repeated:
            await following.close()
            following = Following(bus, caller, answer.instance_id, request.app.state.draining)
            await following.listen()
    except BaseException:
        await following.close()
        raise
    return Stream(
        following.lines(from_the_ledger=repeated),
        status_code=200,
        media_type=NDJSON,
        headers={"X-Instance-Id": str(answer.instance_id), "Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        background=BackgroundTask(following.close),
    )


async def _command(request: Asked, id: Id, version: int | None, caller: Who, bus: House) -> ExecuteBlueprint:
    """The order to run it, with the blueprint as it is this very moment; not waiting for the end."""
    key = idempotency_key(request, MAX_IDEMPOTENCY_KEY_LENGTH)
    body = await body_of(ExecuteBody, request)
    resolve = ResolveBlueprint(caller=caller, blueprint_id=id, version=version)
    reference = await once_there(lambda: look(bus, resolve))
    return ExecuteBlueprint(
        caller=caller,
        instance_id=new_id(),
        blueprint=BlueprintReference.model_validate_json(reference),
        body=body,
        idempotency_key=key,
    )


def _patience(body: ExecuteBody) -> float:
    chosen = body.config.wait_seconds if body.config else None
    return DEFAULT_WAIT_SECONDS if chosen is None else chosen


def _status(answer: Answer) -> Mapping[str, str]:
    return {"instance_id": str(answer.instance_id), "status": answer.status}


ENDPOINTS = (execute_blueprint, stream_blueprint)
