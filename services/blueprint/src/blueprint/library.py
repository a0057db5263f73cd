"""The built-in templates: blueprints that come with the service, owned by the house, there for everybody to clone."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from types import MappingProxyType
from uuid import UUID

import yaml

from blueprint.domain import Blueprint, refuse
from blueprint.validation import problems_of
from chassis.logs import get_logger
from chassis.streams import Streams
from contracts.blueprint import BlueprintBody
from contracts.message import Caller
from contracts.refusal import Conflict, Missing

HOUSE = Caller(user_id="headrace")
"""Who owns the built-in templates. No token should be issued for this user; one that is changes nothing."""

TEMPLATES: Mapping[UUID, str] = MappingProxyType(
    {
        UUID("019b1f20-0000-7000-8000-000000000001"): "ask_a_model",
        UUID("019b1f20-0000-7000-8000-000000000002"): "route_an_order",
        UUID("019b1f20-0000-7000-8000-000000000003"): "fetch_and_transform",
        UUID("019b1f20-0000-7000-8000-000000000004"): "fan_out_and_join",
    }
)
"""Their ids, for ever, and the files that hold them. Entries are never removed, ids never used again."""

log = get_logger(__name__)


def built_in() -> Iterator[tuple[UUID, BlueprintBody]]:
    """Every built-in template as this version of the code has it."""
    folder = files("blueprint") / "templates"
    for id, name in TEMPLATES.items():
        content = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        yield id, BlueprintBody.model_validate(content | {"is_template": True, "visibility": "public"})


async def seed(blueprints: Streams[Blueprint]) -> int:
    """Record the templates that are missing, and a new version of those that differ; answers how many that were.

    Several processes may start at once: whoever comes second finds it done.
    """
    recorded = 0
    for id, body in built_in():
        try:
            recorded += await _seed(id, body, blueprints)
        except Conflict:
            log.info("template.seeded_meanwhile", template=str(id))
    return recorded


async def _seed(id: UUID, body: BlueprintBody, blueprints: Streams[Blueprint]) -> bool:
    try:
        known = await blueprints.get(id)
    except Missing:
        refuse(await problems_of(body, HOUSE))
        await blueprints.add(Blueprint.create(id, body, HOUSE))
        return True
    if known.body == body or known.archived_on is not None:
        return False
    refuse(await problems_of(body, HOUSE))
    async with blueprints.changing(id) as template:
        template.revise(body, HOUSE)
    return True
