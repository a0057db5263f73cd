"""A blueprint at the door: out of shape, it is shown to the blueprint service as well, so all problems come at once."""

from uuid import UUID

from chassis.bus import Bus
from contracts.blueprint import BlueprintBody, ValidateText, ValidationView
from contracts.message import Caller
from contracts.refusal import Problem, TooLarge, Unavailable
from gateway.bodies import Asked, parsed_body, unusable


async def blueprint_of(
    request: Asked, caller: Caller, bus: Bus, update_of: UUID | None = None, if_match: int | None = None
) -> BlueprintBody:
    """The blueprint in the body; raises what `read_blueprint` does, and `Invalid` with every problem."""
    read = await read_blueprint(request, caller, bus, update_of, if_match)
    if isinstance(read, tuple):
        raise unusable(read)
    return read


async def read_blueprint(
    request: Asked, caller: Caller, bus: Bus, update_of: UUID | None = None, if_match: int | None = None
) -> BlueprintBody | tuple[Problem, ...]:
    """The blueprint in the body, or the problems of its shape and its graph; of its shape alone when nobody answers.

    Raises `Malformed`; and, when the body is out of shape, what refuses its caller the update.
    """
    read = await parsed_body(BlueprintBody, request)
    if not isinstance(read, tuple):
        return read
    text = (await request.body()).decode()
    try:
        reply = await bus.ask(ValidateText(caller=caller, text=text, blueprint_id=update_of, if_match=if_match))
    except (Unavailable, TooLarge):
        return read
    return ValidationView.model_validate_json(reply).problems or read
