"""Everything that is wrong with a body, at once: its values, its graph, its expressions, who may share it."""

from pydantic_core import from_json

from blueprint.domain import sharing_problems
from contracts.blueprint import BlueprintBody
from contracts.message import Caller
from contracts.parsing import SUSPICIOUS, unkept_values
from contracts.refusal import Problem


def problems_of(body: BlueprintBody, caller: Caller) -> tuple[Problem, ...]:
    """What keeps the caller from recording this body; empty when nothing does."""
    return (*content_problems(body), *sharing_problems(body, caller))


def content_problems(body: BlueprintBody) -> tuple[Problem, ...]:
    """What is wrong with the body whoever sends it."""
    text = body.model_dump_json().encode()
    return unkept_values(from_json(text), text) if SUSPICIOUS.search(text) else ()
