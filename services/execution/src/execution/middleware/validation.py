"""Turn away input that the blueprint cannot take."""

from chassis import schemas
from contracts.instance_events import InstanceRequested
from contracts.refusal import Invalid
from execution.domain.turn import Turn
from execution.middleware.contract import Surroundings, Verdict


async def check_input(event: InstanceRequested, turn: Turn, around: Surroundings) -> Verdict:
    """Hold the input against `config.input_schema`; refused (422) with every problem at once."""
    schema = event.config.input_schema
    if schema is not None:
        problems = schemas.problems_of_value(schema, event.input, at=("input",))
        if problems:
            raise Invalid("invalid_input", "The input does not fit the blueprint's input_schema.", problems)
    return Verdict.PASS
