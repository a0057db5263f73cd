"""Executing over HTTP: waiting for the end or not, and what happens when a worker does not answer."""

import asyncio
import time

import httpx
import pytest

from contracts.blueprint import ResolveBlueprint
from contracts.execution import ExecuteBlueprint, ExecuteBody, ExecutionView, RunError
from contracts.refusal import Invalid, Missing, TooMany, Unavailable
from gateway import asking
from tests.gateway.fakes import (
    BLUEPRINT_ID,
    FakeHouse,
    execution,
    reference,
    resolves,
    stranger,
)

PATH = f"/api/v2/blueprints/{BLUEPRINT_ID}/execute"


@pytest.fixture(autouse=True)
async def _blueprint(house: FakeHouse) -> None:
    await resolves(house)


async def test_sync_answers_the_run_that_has_ended(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, output={"x": [1, None]}))

    answer = await ada.post(PATH, json={"input": {"n": 1}, "conversation_id": "c", "metadata": {"k": 1}})

    (command,) = house.asked_for(ExecuteBlueprint)
    assert answer.status_code == 200
    assert set(answer.json()) == {"instance_id", "status", "output", "metrics", "error"}
    assert answer.json()["instance_id"] == str(command.instance_id)
    assert answer.json()["output"] == {"x": [1, None]}
    assert command.body == ExecuteBody(input={"n": 1}, conversation_id="c", metadata={"k": 1})
    assert command.blueprint == reference()
    assert (command.wait_seconds, command.idempotency_key, command.instance_id.version) == (30, None, 7)


async def test_a_failed_run_is_a_200_as_well(ada: httpx.AsyncClient, house: FakeHouse):
    error = RunError(type="permanent", code="boom", message="It broke.", node_id="a")
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, "failed", error=error))

    answer = await ada.post(PATH, json={})

    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    assert answer.json()["error"] == error.model_dump()


async def test_async_answers_as_soon_as_it_is_accepted(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, "pending"))

    answer = await ada.post(f"{PATH}?mode=async", json={"config": {"wait_seconds": 50}})

    (command,) = house.asked_for(ExecuteBlueprint)
    assert answer.status_code == 202
    assert answer.json() == {"instance_id": str(command.instance_id), "status": "pending"}
    assert answer.headers["location"] == f"/api/v2/instances/{command.instance_id}"
    assert command.wait_seconds == 0


async def test_async_is_a_202_also_when_it_has_ended_at_once(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, output="o"))

    answer = await ada.post(f"{PATH}?mode=async", json={})

    assert (answer.status_code, answer.json()["status"]) == (202, "completed")
    assert "output" not in answer.json()


@pytest.mark.parametrize("wait", [0, 0.3])
async def test_past_the_caller_s_patience_sync_is_a_202(ada: httpx.AsyncClient, house: FakeHouse, wait: float):
    async def still_running(command: ExecuteBlueprint) -> ExecutionView:
        await asyncio.sleep(command.wait_seconds)
        return execution(command.instance_id, "running")

    await house.when(ExecuteBlueprint, still_running)

    answer = await ada.post(PATH, json={"config": {"wait_seconds": wait}})

    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    assert answer.headers["location"].endswith(answer.json()["instance_id"])
    assert house.asked_for(ExecuteBlueprint)[0].wait_seconds == wait


async def test_the_version_asked_for_is_the_one_that_is_resolved(ada: httpx.AsyncClient, house: FakeHouse):
    await resolves(house, lambda query: reference(version=query.version))
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))

    await ada.post(f"{PATH}?version=3", json={})

    assert house.asked_for(ExecuteBlueprint)[0].blueprint.version == 3


async def test_the_idempotency_key_goes_along_and_the_first_run_answers(ada: httpx.AsyncClient, house: FakeHouse):
    first = stranger()
    await house.when(ExecuteBlueprint, execution(first, "running"))

    answer = await ada.post(f"{PATH}?mode=async", json={}, headers={"Idempotency-Key": "order 17"})

    assert house.asked_for(ExecuteBlueprint)[0].idempotency_key == "order 17"
    assert answer.json()["instance_id"] == str(first)
    assert answer.headers["location"] == f"/api/v2/instances/{first}"


@pytest.mark.parametrize(
    "refusal",
    [
        Invalid("input_invalid", "The input does not fit."),
        TooMany("rate_limited", "Slower.", retry_after_seconds=3),
        Unavailable("not_yet", "The projection is behind.", retry_after_seconds=1),
    ],
)
async def test_a_refusal_at_the_door_is_answered_at_once(
    ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch, refusal
):
    monkeypatch.setattr(asking, "SLICE_SECONDS", 60.0)
    await house.when(ExecuteBlueprint, refusal)

    answer = await asyncio.wait_for(ada.post(PATH, json={}), 30)

    assert (answer.status_code, answer.json()["code"]) == (refusal.status, refusal.code)
    assert len(house.asked_for(ExecuteBlueprint)) == 1


async def test_what_is_not_visible_is_a_404_and_execution_never_hears_of_it(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))
    await house.when(ResolveBlueprint, Missing("no_blueprint", "There is no such blueprint."))

    assert (await ada.post(PATH, json={})).status_code == 404
    assert not house.asked_for(ExecuteBlueprint)


async def test_no_execution_service_is_a_503_once_it_had_the_time_to_restart(
    ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "RESTART_SECONDS", 0.6)
    began = time.monotonic()

    answer = await ada.post(PATH, json={})

    assert (answer.status_code, answer.json()["code"]) == (503, "no_responder")
    assert answer.headers["retry-after"] == "1"
    assert 0.3 < time.monotonic() - began < 3
