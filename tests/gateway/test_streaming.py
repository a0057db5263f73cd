"""Streams: every recorded event once and in order, tokens in between, whatever the bus loses."""

import asyncio
from typing import Any

import httpx
import pytest

from contracts.execution import ExecuteBlueprint, FollowInstance
from contracts.refusal import Conflict, Missing, TooMany
from gateway import following
from tests.gateway.fakes import (
    FakeHouse,
    completed,
    execution,
    node_started,
    recorded,
    resolves,
    started,
    stranger,
)
from tests.gateway.streams import PATH, accepts, rest_of, streamed
from tests.support.eventually import eventually


@pytest.fixture(autouse=True)
async def _blueprint(house: FakeHouse) -> None:
    await resolves(house)


async def test_events_come_as_lines_up_to_the_end(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (response, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        for event in (started(id), node_started(id, 2), completed(id, 3)):
            await house.say(event)
        lines = await rest_of(line)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["x-instance-id"] == str(id)
    assert [(each["seq"], each["event"]) for each in lines] == [
        (1, "InstanceStarted"),
        (2, "NodeStarted"),
        (3, "InstanceCompleted"),
    ]
    assert lines[1] == {
        "seq": 2,
        "event": "NodeStarted",
        "instance_id": str(id),
        "time": "2026-01-31T12:00:00.250Z",
        "data": {"node_id": "node-2", "visit": 1, "attempt": 1, "node_type": "tool"},
    }


async def test_what_is_said_before_the_run_is_accepted_is_heard(served: httpx.AsyncClient, house: FakeHouse):
    async def eager(command: ExecuteBlueprint) -> Any:
        await house.say(started(command.instance_id))
        await house.say(completed(command.instance_id, 2))
        return execution(command.instance_id, "pending")

    await house.when(ExecuteBlueprint, eager)

    async with streamed(served) as (_, line):
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == [1, 2]
    assert not house.asked_for(FollowInstance)


async def test_tokens_have_no_seq(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.whisper(id, "Hel")
        token = await line()
        await house.say(started(id))
        await house.say(completed(id, 2))
        rest = await rest_of(line)

    assert (token["seq"], token["event"], token["instance_id"]) == (None, "Token", str(id))
    assert token["data"] == {"node_id": "answer", "visit": 1, "text": "Hel"}
    assert token["time"].endswith("Z")
    assert [each["seq"] for each in rest] == [1, 2]


async def test_tokens_keep_their_place_when_everything_arrives_at_once(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.say_at_once(id, started(id), node_started(id, 2), "Hel", "lo", completed(id, 3))
        lines = await rest_of(line)

    assert [each["event"] for each in lines] == [
        "InstanceStarted",
        "NodeStarted",
        "Token",
        "Token",
        "InstanceCompleted",
    ]


async def test_a_heart_beats(served: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 0.2)
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        beats = [await line(), await line()]
        await house.say(started(id))
        await house.say(completed(id, 2))
        rest = await rest_of(line)

    assert beats == [{"event": "Heartbeat"}] * 2
    assert [each["seq"] for each in rest if each["event"] != "Heartbeat"] == [1, 2]


@pytest.mark.parametrize(
    "refusal",
    [
        Missing("no_blueprint", "None."),
        Conflict("archived", "Archived."),
        TooMany("rate", "Slow.", retry_after_seconds=1),
    ],
)
async def test_a_refusal_before_the_first_line_is_a_problem(ada: httpx.AsyncClient, house: FakeHouse, refusal):
    await house.when(ExecuteBlueprint, refusal)

    answer = await ada.post(PATH, json={})

    assert (answer.status_code, answer.json()["code"]) == (refusal.status, refusal.code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_duplicate_follows_the_first_run_from_its_beginning(served: httpx.AsyncClient, house: FakeHouse):
    first = stranger()
    await house.when(ExecuteBlueprint, execution(first, "running"))
    history = (started(first), node_started(first, 2))
    await house.when(FollowInstance, lambda query: recorded(*history[query.after :]))

    async with streamed(served, headers={"Idempotency-Key": "k"}) as (response, line):
        seen = [await line(), await line()]
        await house.say(completed(first, 3))
        rest = await rest_of(line)

    assert response.headers["x-instance-id"] == str(first)
    assert [each["seq"] for each in seen + rest] == [1, 2, 3]


async def test_the_client_going_away_cancels_nothing_and_leaves_no_listener(
    served: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "SILENCE_SECONDS", 0.1)
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.say(started(id))
        await line()

    async def asked_no_more() -> bool:
        before = len(house.asked_for(FollowInstance))
        await asyncio.sleep(following.SILENCE_SECONDS * 4)
        return len(house.asked_for(FollowInstance)) == before

    assert await eventually(asked_no_more, timeout=10)
    assert {type(request).__name__ for request in house.asked} <= {
        "ResolveBlueprint",
        "ExecuteBlueprint",
        "FollowInstance",
    }


async def test_many_lines_arrive_whole(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)
    count = 2_000

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.say(started(id))
        for version in range(2, count):
            await house.say(node_started(id, version))
        await house.say(completed(id, count))
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == list(range(1, count + 1))
