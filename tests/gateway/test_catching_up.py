"""A stream that misses something, or hears nothing, asks the ledger: nothing is lost, nothing comes twice."""

import httpx
import pytest

from contracts.execution import ExecuteBlueprint, FollowInstance
from gateway import following
from tests.gateway.fakes import FakeHouse, completed, execution, node_started, recorded, resolves, started
from tests.gateway.streams import accepts, rest_of, streamed


@pytest.fixture(autouse=True)
async def _blueprint(house: FakeHouse) -> None:
    await resolves(house)


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence begins sooner than in earnest."""
    monkeypatch.setattr(following, "SILENCE_SECONDS", 0.3)


async def test_a_gap_is_filled_from_the_ledger_and_nothing_comes_twice(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        events = [started(id), node_started(id, 2), node_started(id, 3), node_started(id, 4), completed(id, 5)]
        ledger = lambda query: recorded(*events[query.after : 4])  # noqa: E731 - read where it is used
        await house.when(FollowInstance, ledger)
        for event in (events[0], events[0], events[3], events[2], events[4]):
            await house.say(event)
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == [1, 2, 3, 4, 5]
    assert house.asked_for(FollowInstance)[0].after == 1


@pytest.mark.usefixtures("soon_silent")
async def test_after_a_silence_the_ledger_is_asked(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.when(
            FollowInstance,
            lambda query: recorded(*(started(id), node_started(id, 2), completed(id, 3))[query.after :]),
        )
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == [1, 2, 3]
    assert lines[1]["data"] == {"node_id": "node-2", "visit": 1, "attempt": 1, "node_type": "tool"}


async def test_what_comes_while_the_ledger_answers_comes_in_its_order_tokens_included(
    served: httpx.AsyncClient, house: FakeHouse
):
    await accepts(house)

    async def answer_late(query: FollowInstance) -> object:
        id = query.instance_id
        for event in (started(id), node_started(id, 2)):
            await house.say(event)
        await house.whisper(id, "word")
        await house.say(completed(id, 3))
        return recorded(*(started(id), node_started(id, 2), completed(id, 3))[query.after :])

    async with streamed(served) as (_, line):
        await house.when(FollowInstance, answer_late)
        lines = await rest_of(line)

    assert [each["event"] for each in lines] == ["InstanceStarted", "NodeStarted", "Token", "InstanceCompleted"]


@pytest.mark.usefixtures("soon_silent")
async def test_a_ledger_that_cannot_be_asked_ends_nothing(served: httpx.AsyncClient, house: FakeHouse):
    await house.when(ExecuteBlueprint, lambda command: execution(command.instance_id, "pending"))

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        await house.say(node_started(id, 2))
        await house.when(FollowInstance, lambda query: recorded(*(started(id), completed(id, 2))[query.after :]))
        lines = await rest_of(line)

    assert [each["seq"] for each in lines] == [1, 2]


async def test_words_that_overtake_the_beginning_of_their_node_wait_for_it(served: httpx.AsyncClient, house: FakeHouse):
    await accepts(house)

    async with streamed(served) as (_, line):
        id = house.asked_for(ExecuteBlueprint)[0].instance_id
        speaks = node_started(id, 2).model_copy(update={"node_id": "answer"})
        events = [started(id), speaks, node_started(id, 3), completed(id, 4)]
        await house.when(FollowInstance, lambda query: recorded(*events[query.after :]))
        await house.say_at_once(id, "Hel", events[0], events[1], "lo", events[2], events[3])
        lines = await rest_of(line)

    told = [(each["seq"], each["event"]) for each in lines]
    assert told == [
        *[(1, "InstanceStarted"), (2, "NodeStarted"), (None, "Token"), (None, "Token")],
        *[(3, "NodeStarted"), (4, "InstanceCompleted")],
    ]
    assert len(house.asked_for(FollowInstance)) == 1
