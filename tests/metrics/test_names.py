"""What a blueprint is called is told to those alone who may see it now, whatever they ran of it before."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from chassis.ids import new_id
from chassis.projection import Fact
from contracts.blueprint import BlueprintCreated, BlueprintEvent, BlueprintShared, BlueprintUpdated
from contracts.workflow import BlueprintConfig, Node
from metrics.projections import BlueprintNames, count_endings
from tests.metrics.conftest import Asking
from tests.metrics.facts import NOON, ending

BLUEPRINT = new_id()
CONTENT: dict[str, Any] = {
    "description": "",
    "nodes": (Node(id="start", type="start"),),
    "edges": (),
    "config": BlueprintConfig(),
    "tags": (),
    "is_template": False,
}
SINCE, UNTIL = NOON.replace(year=NOON.year - 1), NOON.replace(year=NOON.year + 1)


def place(version: int) -> dict[str, Any]:
    return {"originator_id": BLUEPRINT, "originator_version": version, "timestamp": NOON, "by": "bob"}


def created(visibility: str) -> BlueprintCreated:
    owned = {"owner_id": "bob", "team_id": "red", "visibility": visibility, "parent_id": None}
    return BlueprintCreated.model_validate(place(1) | CONTENT | owned | {"version": 1, "name": "first"})


def renamed(version: int) -> BlueprintUpdated:
    return BlueprintUpdated.model_validate(place(version) | CONTENT | {"version": version, "name": "secret"})


def shared(version: int, visibility: str, team_id: str = "red") -> BlueprintShared:
    return BlueprintShared.model_validate(place(version) | {"visibility": visibility, "team_id": team_id})


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("told", "stranger", "member", "owner"),
    [
        ((created("public"),), "first", "first", "first"),
        ((created("team"),), None, "first", "first"),
        ((created("private"),), None, None, "first"),
        ((created("public"), shared(2, "private"), renamed(3)), None, None, "secret"),
        ((created("private"), renamed(2), shared(3, "public")), "secret", "secret", "secret"),
        ((created("public"), renamed(2), shared(3, "team", "blue")), None, None, "secret"),
    ],
)
async def test_a_name_is_for_those_who_may_see_the_blueprint(
    pool: asyncpg.Pool,
    ask: Asking,
    told: Sequence[BlueprintEvent],
    stranger: str | None,
    member: str | None,
    owner: str | None,
    *,
    at_once: bool,
) -> None:
    facts = [Fact(event, position, new_id()) for position, event in enumerate(told, 1)]
    async with pool.acquire() as rows:
        await count_endings([ending(BLUEPRINT, user_id=user) for user in ("zoe", "mia", "bob")], rows)
        for batch in [facts] if at_once else [[fact] for fact in facts]:
            await BlueprintNames().apply(batch, rows)

    found = []
    for user, teams in (("zoe", ()), ("mia", ("red",)), ("bob", ())):
        [line] = (await ask.usage(user, SINCE, UNTIL, *teams)).by_blueprint
        assert (line.blueprint_id, line.executions) == (BLUEPRINT, 1)
        found.append(line.name)
    assert found == [stranger, member, owner]
