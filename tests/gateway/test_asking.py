"""What a caller of execute learns when workers die, are busy, or are not there."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest

from contracts.blueprint import ResolveBlueprint
from contracts.execution import ExecuteBlueprint, ExecutionView, FollowInstance, GetInstance
from gateway import asking
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, completed, execution, instance, recorded, resolves
from tests.support.eventually import eventually

SLICE_SECONDS, RESTART_SECONDS = asking.SLICE_SECONDS, asking.RESTART_SECONDS
"""As they are in earnest; a promise of three seconds stands on them, and leaves a second for all the rest."""
NEVER_SECONDS = 60.0
PATH = f"/api/v2/blueprints/{BLUEPRINT_ID}/execute"


@pytest.fixture(autouse=True)
async def _blueprint(house: FakeHouse) -> None:
    await resolves(house)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again sooner than in earnest, so that the tests are quick."""
    monkeypatch.setattr(asking, "SLICE_SECONDS", 0.3)


class TestAWorkerThatDies:
    """The first question is never answered."""

    @pytest.mark.usefixtures("impatient")
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
        assert SLICE_SECONDS <= 2
        assert second == first.model_copy(update={"wait_seconds": 0})

    @pytest.mark.usefixtures("impatient")
    async def test_in_the_middle_the_announced_end_is_looked_up(
        self, ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
    ):
        await house.when(
            ExecuteBlueprint,
            lambda command: (
                execution(command.instance_id, "running") if len(house.asked_for(ExecuteBlueprint)) > 1 else None
            ),
        )
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await eventually(lambda: house.asked_for(GetInstance))
        monkeypatch.setattr(asking, "SLICE_SECONDS", NEVER_SECONDS)
        asked = len(house.asked_for(GetInstance))
        await eventually(lambda: len(house.asked_for(GetInstance)) > asked)
        asked = len(house.asked_for(GetInstance))

        await house.when(GetInstance, lambda query: instance(query.instance_id, output="o"))
        await house.say(completed(house.asked_for(GetInstance)[0].instance_id, 9))
        answer = await asyncio.wait_for(caller, NEVER_SECONDS / 2)

        assert (answer.status_code, answer.json()["output"]) == (200, "o")
        assert set(answer.json()) == {"instance_id", "status", "output", "metrics", "error"}
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


class TestAServiceThatRestarts:
    """Nobody is there to hear the question, for a moment."""

    @pytest.mark.parametrize("path", [PATH, f"{PATH}?mode=async", PATH.replace("execute", "stream")])
    async def test_execution_is_asked_again_for_the_same_run(self, ada: httpx.AsyncClient, house: FakeHouse, path: str):
        caller = asyncio.create_task(ada.post(path, json={"config": {"wait_seconds": 9}}))
        await eventually(lambda: house.asked_for(ResolveBlueprint))
        await asyncio.wait({caller}, timeout=2 * asking.RETRY_SECONDS)

        await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))
        await house.when(FollowInstance, lambda query: recorded(completed(query.instance_id, 1)))
        answer = await caller

        (command,) = house.asked_for(ExecuteBlueprint)
        assert answer.status_code == (202 if "async" in path else 200)
        assert command.wait_seconds == (9 if path == PATH else 0)

    async def test_blueprint_is_asked_again_too(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id))
        await house.leave(ResolveBlueprint)
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await asyncio.wait({caller}, timeout=2 * asking.RETRY_SECONDS)

        await resolves(house)
        answer = await caller

        assert answer.status_code == 200

    async def test_is_waited_for_no_longer_than_a_restart_takes(
        self, ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(asking, "RESTART_SECONDS", 0.6)
        await house.leave(ResolveBlueprint)
        began = time.monotonic()

        answer = await ada.post(PATH, json={})

        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "no_responder", "1")
        assert 0.3 < time.monotonic() - began < 3
        assert RESTART_SECONDS <= 2


@pytest.mark.usefixtures("impatient")
class TestALongRun:
    """The worker is busy with the run, and answers its first question late."""

    async def test_the_late_answer_to_the_first_question_counts(self, ada: httpx.AsyncClient, house: FakeHouse):
        over = asyncio.Event()

        async def late(command: ExecuteBlueprint) -> ExecutionView:
            await over.wait()
            return execution(command.instance_id, output="late")

        await house.when(
            ExecuteBlueprint,
            lambda command: (
                late(command)
                if len(house.asked_for(ExecuteBlueprint)) == 1
                else execution(command.instance_id, "running")
            ),
        )
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        caller = asyncio.create_task(ada.post(PATH, json={}))
        await eventually(lambda: house.asked_for(GetInstance))
        over.set()
        answer = await caller

        assert (answer.status_code, answer.json()["output"]) == (200, "late")
        assert len(house.asked_for(ExecuteBlueprint)) == 2

    async def test_it_is_asked_for_once_a_slice_and_no_more(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(
            ExecuteBlueprint,
            lambda command: (
                execution(command.instance_id, "running") if len(house.asked_for(ExecuteBlueprint)) > 1 else None
            ),
        )
        await house.when(GetInstance, lambda query: instance(query.instance_id, "running"))
        began = time.monotonic()

        answer = await ada.post(PATH, json={"config": {"wait_seconds": 1}})

        assert (answer.status_code, answer.json()["status"]) == (202, "running")
        assert 1 <= time.monotonic() - began < asking.ACCEPT_SECONDS
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
