"""Clearing a blueprint's memory over HTTP."""

import httpx
import pytest

from contracts.caching import CacheView, InvalidateCache
from contracts.refusal import Forbidden
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, problem_of, reference, resolves

PATH = f"/api/v2/blueprints/{BLUEPRINT_ID}/cache"


@pytest.fixture(autouse=True)
async def _forgets(house: FakeHouse) -> None:
    """The blueprint is found, and three answers are forgotten."""
    await resolves(house)
    await house.when(
        InvalidateCache, lambda asked: CacheView(blueprint_id=asked.blueprint.id, node_id=asked.node_id, forgotten=3)
    )


async def test_everything_is_forgotten(ada: httpx.AsyncClient, house: FakeHouse):
    response = await ada.delete(PATH)

    assert response.status_code == 200
    assert response.json() == {"blueprint_id": str(BLUEPRINT_ID), "node_id": None, "forgotten": 3}
    (asked,) = house.asked_for(InvalidateCache)
    assert (asked.blueprint, asked.node_id) == (reference(), None)


async def test_or_what_one_node_answered(ada: httpx.AsyncClient, house: FakeHouse):
    response = await ada.delete(PATH, params={"node_id": "classify"})

    assert response.json()["node_id"] == "classify"
    (asked,) = house.asked_for(InvalidateCache)
    assert asked.node_id == "classify"


async def test_what_is_no_nodes_id_is_refused(ada: httpx.AsyncClient, house: FakeHouse):
    response = await ada.delete(PATH, params={"node_id": "a b"})

    assert response.status_code == 400
    assert not house.asked_for(InvalidateCache)


async def test_who_may_not_is_told_so(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(InvalidateCache, Forbidden("not_the_owner", "Only the owner may."))

    assert problem_of(await ada.delete(PATH)) == (403, "not_the_owner")
