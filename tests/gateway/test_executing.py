"""Executing over HTTP: waiting for the end or not, and what happens when a worker does not answer."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest

from contracts.blueprint import ResolveBlueprint
from contracts.execution import ExecuteBlueprint, ExecuteBody, ExecutionView, GetInstance, RunError
from contracts.refusal import Invalid, Missing, TooMany, Unavailable
from gateway import asking
from tests.gateway.fakes import (
    BLUEPRINT_ID,
    FakeHouse,
    completed,
    execution,
    instance,
    reference,
    resolves,
    stranger,
)
from tests.support.eventually import eventually

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
async def test_a_refusal_at_the_door_is_answered_at_once(ada: httpx.AsyncClient, house: FakeHouse, refusal):
    await house.when(ExecuteBlueprint, refusal)
    began = time.monotonic()

    answer = await ada.post(PATH, json={})

    assert (answer.status_code, answer.json()["code"]) == (refusal.status, refusal.code)
    assert time.monotonic() - began < 1.5
    assert len(house.asked_for(ExecuteBlueprint)) == 1


async def test_what_is_not_visible_is_a_404_and_execution_never_hears_of_it(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))
    await house.when(ResolveBlueprint, Missing("no_blueprint", "There is no such blueprint."))

    assert (await ada.post(PATH, json={})).status_code == 404
    assert not house.asked_for(ExecuteBlueprint)


async def test_no_execution_service_is_a_503(ada: httpx.AsyncClient):
    answer = await ada.post(PATH, json={})

    assert (answer.status_code, answer.json()["code"]) == (503, "no_responder")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again sooner than in earnest, so that the tests are quick."""
    monkeypatch.setattr(asking, "SLICE_SECONDS", 0.3)


class TestAWorkerThatDies:
    """The first question is never answered."""

    async def test_between_commit_and_reply_the_caller_has_the_end_within_3_s(
        self, ada: httpx.AsyncClient, house: FakeHouse
    ):
        await house.when(
            ExecuteBlueprint,
            lambda command: execution(command.instance_id) if len(house.asked_for(ExecuteBlueprint)) > 1 else None,
        )
        began = time.monotonic()

        answer = await ada.post(PATH, json={})

        first, second = house.asked_for(ExecuteBlueprint)
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
        assert time.monotonic() - began < 3
        assert first == second

    @pytest.mark.usefixtures("impatient")
    async def test_in_the_middle_the_announced_end_is_looked_up(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(
            ExecuteBlueprint,
            lambda command: (
                execution(command.instance_id, "running") if len(house.asked_for(ExecuteBlueprint)) > 1 else None
            ),
        )
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await eventually(lambda: house.asked_for(GetInstance))
        asked = len(house.asked_for(GetInstance))

        await house.when(GetInstance, lambda query: instance(query.instance_id, output="o"))
        began = time.monotonic()
        await house.say(completed(house.asked_for(GetInstance)[0].instance_id, 9))
        answer = await caller

        assert (answer.status_code, answer.json()["output"]) == (200, "o")
        assert set(answer.json()) == {"instance_id", "status", "output", "metrics", "error"}
        assert time.monotonic() - began < 1
        assert len(house.asked_for(GetInstance)) == asked + 1

    @pytest.mark.usefixtures("impatient")
    async def test_while_no_worker_is_there_it_asks_again_until_one_is(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(ExecuteBlueprint, None)
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await eventually(lambda: house.asked_for(ExecuteBlueprint))
        await house.leave(ExecuteBlueprint)
        await asyncio.wait({caller}, timeout=1)

        await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))
        answer = await caller

        assert answer.status_code == 200
        assert len({command.instance_id for command in house.asked_for(ExecuteBlueprint)}) == 1


@pytest.mark.usefixtures("impatient")
class TestALongRun:
    """The worker is busy with the run, and answers its first question late."""

    async def test_the_late_answer_to_the_first_question_counts(self, ada: httpx.AsyncClient, house: FakeHouse):
        over = asyncio.Event()

        async def run(command: ExecuteBlueprint) -> ExecutionView:
            if len(house.asked_for(ExecuteBlueprint)) == 1:
                await over.wait()
                return execution(command.instance_id, output="late")
            return execution(command.instance_id, "running")

        await house.when(ExecuteBlueprint, run)
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await eventually(lambda: house.asked_for(GetInstance))
        over.set()
        answer = await caller

        assert (answer.status_code, answer.json()["output"]) == (200, "late")
        assert len(house.asked_for(ExecuteBlueprint)) == 2

    async def test_it_is_asked_for_once_a_slice_and_no_more(self, ada: httpx.AsyncClient, house: FakeHouse):
        async def run(command: ExecuteBlueprint) -> ExecutionView:
            if len(house.asked_for(ExecuteBlueprint)) == 1:
                await asyncio.sleep(10)
            return execution(command.instance_id, "running")

        await house.when(ExecuteBlueprint, run)
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        began = time.monotonic()

        answer = await ada.post(PATH, json={"config": {"wait_seconds": 1}})

        assert (answer.status_code, answer.json()["status"]) == (202, "running")
        assert 1 <= time.monotonic() - began < 2
        assert len(house.asked_for(GetInstance)) <= 3

    async def test_a_duplicate_follows_the_run_that_was_first(self, ada: httpx.AsyncClient, house: FakeHouse):
        first = UUID("0199c3f4-02b7-7d11-9c0f-51a6b7e0c4d2")
        await house.when(
            ExecuteBlueprint,
            lambda _: execution(first, "running") if len(house.asked_for(ExecuteBlueprint)) > 1 else None,
        )
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        caller = asyncio.create_task(ada.post(PATH, json={}, headers={"Idempotency-Key": "k"}))
        await eventually(lambda: house.asked_for(GetInstance))

        await house.when(GetInstance, lambda query: instance(query.instance_id))
        await house.say(completed(first, 4))
        answer = await caller

        assert (answer.status_code, answer.json()["instance_id"]) == (200, str(first))


@pytest.mark.usefixtures("impatient")
async def test_when_nobody_ever_says_whether_it_was_accepted_it_is_a_503(
    ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "ACCEPT_SECONDS", 1.0)
    await house.when(ExecuteBlueprint, None)

    answer = await ada.post(f"{PATH}?mode=async", json={})

    assert (answer.status_code, answer.json()["code"]) == (503, "no_answer")
    assert str(house.asked_for(ExecuteBlueprint)[0].instance_id) in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
    assert len(house.asked_for(ExecuteBlueprint)) > 2
