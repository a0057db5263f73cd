"""What ends a stream: every ending, but not one that a retry has undone."""

import httpx
import pytest

from contracts.execution import ExecuteBlueprint, FollowInstance, StreamLines
from gateway import following
from tests.gateway.fakes import (
    FakeHouse,
    completed,
    execution,
    failed,
    node_started,
    recorded,
    resolves,
    retried,
    started,
    stranger,
    terminated,
)
from tests.gateway.streams import accepts, rest_of, streamed

REPEATED = {"headers": {"Idempotency-Key": "k"}}


@pytest.fixture(autouse=True)
async def _blueprint(house: FakeHouse) -> None:
    await resolves(house)


@pytest.mark.parametrize("ending", [completed, failed, terminated])
async def test_an_ending_that_is_heard_ends_it(served: httpx.AsyncClient, house: FakeHouse, ending):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        for event in (started(id), ending(id, 2), retried(id, 3)):
            await house.say(event)
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == [1, 2]


async def test_a_failure_that_was_retried_does_not(served: httpx.AsyncClient, house: FakeHouse):
    first = stranger()
    await house.when(ExecuteBlueprint, execution(first, "running"))
    history = (started(first), failed(first, 2), retried(first, 3))
    await house.when(FollowInstance, lambda query: recorded(*history[query.after :]))

    async with streamed(served, **REPEATED) as (_, line):
        seen = [await line() for _ in history]
        for event in (failed(first, 2), retried(first, 3), node_started(first, 4), completed(first, 5)):
            await house.say(event)
        rest = await rest_of(line)

    assert [each["seq"] for each in seen + rest] == [1, 2, 3, 4, 5]


async def test_a_run_that_ended_before_shows_its_end(served: httpx.AsyncClient, house: FakeHouse):
    first = stranger()
    await house.when(ExecuteBlueprint, execution(first, "terminated"))
    await house.when(FollowInstance, recorded(started(first), terminated(first, 2)))

    async with streamed(served, **REPEATED) as (_, line):
        lines = await rest_of(line)

    assert [each["event"] for each in lines] == ["InstanceStarted", "InstanceTerminated"]


async def test_it_ends_when_the_ledger_says_so_though_it_has_nothing_to_add(
    served: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "SILENCE_SECONDS", 0.2)
    first = stranger()
    await house.when(ExecuteBlueprint, execution(first, "terminated"))
    page = recorded(started(first))
    await house.when(FollowInstance, lambda query: StreamLines(items=(), ended=True) if query.after else page)

    async with streamed(served, **REPEATED) as (_, line):
        lines = await rest_of(line)

    assert [each["event"] for each in lines] == ["InstanceStarted"]
