"""Questions whose answer is lost and which are asked again: queries, and commands that may be repeated."""

import asyncio
import time
from uuid import uuid4

import httpx
import pytest

from contracts.blueprint import CreateBlueprint
from contracts.execution import GetInstance
from gateway import asking, examples
from tests.gateway.fakes import FakeHouse, instance
from tests.support.eventually import eventually

LOOK_AGAIN_SECONDS = asking.LOOK_AGAIN_SECONDS


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again sooner than in earnest, so that the tests are quick."""
    monkeypatch.setattr(asking, "LOOK_AGAIN_SECONDS", 0.3)


async def test_a_create_whose_answer_is_lost_is_asked_for_again(
    ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "FIRST_SECONDS", 0.3)
    await house.when(
        CreateBlueprint, lambda _: examples.BLUEPRINT if len(house.asked_for(CreateBlueprint)) > 1 else None
    )

    answer = await ada.post("/api/v2/blueprints", json=examples.BLUEPRINT_BODY)

    first, second = house.asked_for(CreateBlueprint)
    assert answer.status_code == 201
    assert first == second


@pytest.mark.usefixtures("impatient")
class TestAQueryWhoseHearerDies:
    """The first question is never answered; nothing is wrong with asking again."""

    async def test_is_asked_again_and_answered(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(
            GetInstance,
            lambda query: instance(query.instance_id, output="o") if len(house.asked_for(GetInstance)) > 1 else None,
        )
        began = time.monotonic()

        answer = await ada.get(f"/api/v2/instances/{uuid4()}")

        assert (answer.status_code, answer.json()["output"]) == (200, "o")
        assert time.monotonic() - began < 3
        assert LOOK_AGAIN_SECONDS <= 2

    async def test_is_answered_by_whoever_is_first(self, ada: httpx.AsyncClient, house: FakeHouse):
        over = asyncio.Event()

        async def first(query: GetInstance) -> object:
            await over.wait()
            return instance(query.instance_id, output="first")

        await house.when(GetInstance, lambda query: first(query) if len(house.asked_for(GetInstance)) == 1 else None)
        caller = asyncio.create_task(ada.get(f"/api/v2/instances/{uuid4()}"))
        await eventually(lambda: len(house.asked_for(GetInstance)) > 1)

        over.set()
        answer = await caller

        assert answer.json()["output"] == "first"
