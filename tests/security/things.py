"""What there is to ask about: the owner's blueprints in every visibility, and runs of theirs that wait."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.security.people import People
from tests.support.api import Api
from tests.support.blueprints import chain, step

Json = dict[str, Any]

QUICK = chain(step("tell", "transform", output="told"), name="quick", is_template=True)
"""Runs to its end at once, so that it can be streamed, and cloned."""
WAITING = chain(step("review", "approval"), name="waiting")
"""Waits until somebody decides."""


def sharings(team: str) -> Mapping[str, Json]:
    """With whom a blueprint may be shared, as its body says it."""
    return {
        "private": {},
        "team": {"visibility": "team", "team_id": team},
        "public": {"visibility": "public"},
        "public, team": {"visibility": "public", "team_id": team},
    }


async def a_waiting_run(owner: Api, sharing: Json) -> str:
    """A run that the owner started of a blueprint shared so, and that waits."""
    run = await owner.begin(await owner.create(WAITING | sharing))
    await owner.waits(run)
    return run


async def a_thing(people: People, operation: str, of: str) -> str:
    """What one row of the matrix asks about: a blueprint, or a run of one, shared as the row says."""
    owner, sharing = people["owner"], sharings(people.team)[of.removesuffix(", unshared")]
    if operation.endswith(("Instance", "InstanceLogs", "InstanceWaits", "InstanceLineage", "Node")):
        return await a_waiting_run(owner, sharing)
    return str((await owner.create(QUICK | sharing))["id"])


async def things_of(people: People, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """One thing for each row that asks about one."""
    return dict(zip(wanted, await asyncio.gather(*(a_thing(people, *row) for row in wanted)), strict=True))
