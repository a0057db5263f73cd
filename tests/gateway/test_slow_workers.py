"""A worker that is slow hears every question; more of them would make it slower."""

import asyncio

import httpx
import pytest

from contracts.execution import ExecuteBlueprint, ExecutionView
from contracts.refusal import Unavailable
from gateway import asking
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, execution, resolves

PATH = f"/api/v2/blueprints/{BLUEPRINT_ID}/execute?mode=async"


@pytest.fixture(autouse=True)
async def _impatient(house: FakeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await resolves(house)
    monkeypatch.setattr(asking, "SLICE_SECONDS", 0.3)


async def test_is_asked_again_ever_more_rarely(ada: httpx.AsyncClient, house: FakeHouse):
    async def late(command: ExecuteBlueprint) -> ExecutionView:
        await asyncio.sleep(2.2)
        return execution(command.instance_id, "running")

    await house.when(ExecuteBlueprint, late)

    answer = await ada.post(PATH, json={})

    assert answer.status_code == 202
    assert len(house.asked_for(ExecuteBlueprint)) <= 4


async def test_is_too_busy_for_a_second_question_and_still_answers_the_first(ada: httpx.AsyncClient, house: FakeHouse):
    async def late(command: ExecuteBlueprint) -> ExecutionView | Unavailable:
        if len(house.asked_for(ExecuteBlueprint)) > 1:
            return Unavailable("busy", "too many requests are under way here")
        await asyncio.sleep(0.45)
        return execution(command.instance_id, "running")

    await house.when(ExecuteBlueprint, late)

    answer = await ada.post(PATH, json={})

    assert answer.status_code == 202
    assert len(house.asked_for(ExecuteBlueprint)) == 2
