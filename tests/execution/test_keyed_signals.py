"""Signals by key on the real stack: each is taken once, by one who waits, however they race."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.instance_events import SignalReceived, WaitEnded
from contracts.refusal import Conflict, Missing, TooLarge
from contracts.steering import SignalView, TerminateInstance
from contracts.workflow import MAX_VALUE_BYTES
from execution.steering.mailbox import Address
from tests.execution.asking import CAROL, DAN, STRANGER, begun, order, output, post, reaches, waits
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill, milling

MANY = 20
PAID = a_node("paid", "signal", name="paid", key="${ input }")
WAITS = a_graph("start -> paid", "paid -> end", PAID, a_node("end", "end", output="${ nodes.paid }"))


@pytest.fixture
async def mills(mill: Mill, execution_dsn: str, nats_url: str, namespace: str) -> AsyncIterator[tuple[Mill, Mill]]:
    """Two workers at work on one ledger."""
    async with milling(execution_dsn, nats_url, namespace) as other:
        yield mill, other


async def taken_by(mill: Mill, runs: list[UUID]) -> Counter[Any]:
    """Which payload the runs took how often."""
    return Counter([await output(mill, run) for run in runs])


class TestASignalWithAKey:
    async def test_goes_to_the_one_who_waits_for_it(self, mill: Mill) -> None:
        blueprint = await mill.know(WAITS)
        one, two = await begun(mill, blueprint, "1"), await begun(mill, blueprint, "2")
        assert [wait.key for wait in (await waits(mill, two)).items] == ["2"]
        assert (await post(mill, blueprint, "paid", "2", "cash")).instance_id == two
        assert await output(mill, two) == "cash"
        assert (await mill.instance(one)).status == "waiting"

    async def test_is_kept_for_the_first_who_will(self, mill: Mill) -> None:
        blueprint = await mill.know(WAITS)
        kept = await post(mill, blueprint, "paid", "3", "early")
        assert kept.instance_id is None
        assert (await mill.execute(blueprint, "3")).output == "early"
        assert (await post(mill, blueprint, "paid", "3", "next")).instance_id is None

    async def test_goes_to_who_has_waited_longest(self, mill: Mill) -> None:
        blueprint = await mill.know(WAITS)
        runs = [await begun(mill, blueprint, "4") for _ in range(3)]
        taken = [(await post(mill, blueprint, "paid", "4", payload)).instance_id for payload in range(3)]
        assert taken == runs
        assert [await output(mill, run) for run in runs] == [0, 1, 2]

    async def test_passes_over_those_who_stopped_waiting(self, mill: Mill) -> None:
        race = a_node("wait", "race", waits={"paid": {"signal": "paid", "key": "5"}, "late": {"seconds": 0.1}})
        graph = a_graph("start -> wait", race)
        blueprint = await mill.know(graph)
        late, ended = await begun(mill, blueprint), await begun(mill, blueprint)
        await order(mill, TerminateInstance, ended)
        await reaches(mill, late, "completed")
        assert (await post(mill, blueprint, "paid", "5", "cash")).instance_id is None
        assert (await mill.execute(blueprint)).output["wait"] == {"winner": "paid", "output": "cash"}

    async def test_belongs_to_the_team_or_to_its_sender_alone(self, mill: Mill) -> None:
        shared = await mill.know(WAITS)
        of_all = shared.model_copy(update={"visibility": "public"})
        mine, theirs = await begun(mill, of_all, "6"), await begun(mill, of_all, "6", caller=CAROL)
        assert (await post(mill, of_all, "paid", "6", "hers", caller=CAROL)).instance_id == theirs
        assert (await post(mill, of_all, "paid", "6", "strange", caller=STRANGER)).instance_id is None
        assert (await post(mill, shared, "paid", "6", "ours", caller=DAN)).instance_id == mine
        with pytest.raises(Missing):
            await post(mill, shared, "paid", "6", caller=STRANGER)
        with pytest.raises(Conflict, match="archived"):
            await post(mill, shared.model_copy(update={"archived": True}), "paid", "6")
        with pytest.raises(TooLarge):
            await post(mill, shared, "paid", "6", "x" * MAX_VALUE_BYTES)

    async def test_is_one_signal_however_often_it_is_sent(self, mill: Mill) -> None:
        blueprint, signal_id = await mill.know(WAITS), new_id()
        await post(mill, blueprint, "paid", "7", 1, signal_id=signal_id)
        assert (await mill.execute(blueprint, "7")).output == 1
        again = await post(mill, blueprint, "paid", "7", 1, signal_id=signal_id)
        assert again.instance_id is not None
        keyed = [await post(mill, blueprint, "paid", "7", 2, idempotency_key="k") for _ in range(2)]
        assert len({answer.signal_id for answer in keyed}) == 1
        with pytest.raises(Conflict, match="other content"):
            await post(mill, blueprint, "paid", "7", 3, idempotency_key="k")
        assert len(await kept(mill, blueprint, "7")) == 1

    async def test_is_taken_by_one_of_a_hundred_visits_of_one_run(self, mill: Mill) -> None:
        item = a_node("each", "signal", name="paid", key="8")
        body = a_graph("start -> each", item).model_dump(mode="json", by_alias=True)
        graph = a_graph("start -> all", a_node("all", "map", items="${ input }", body=body))
        blueprint = await mill.know(graph)
        await post(mill, blueprint, "paid", "8", 0)
        id = await begun(mill, blueprint, list(range(10)))
        for payload in range(1, 10):
            assert (await post(mill, blueprint, "paid", "8", payload)).instance_id == id
        results = (await output(mill, id))["all"]["results"]
        assert sorted(result["each"] for result in results) == list(range(10))


async def kept(mill: Mill, blueprint: BlueprintReference, key: str) -> list[UUID]:
    """The signals of the mill's team that nobody has taken."""
    return list((await mill.at.mailboxes.open(Address(blueprint.id, "team:mill", "paid", key))).posted)


class TestManyAtOnce:
    @pytest.mark.parametrize("first", ["runs", "signals", "both"])
    async def test_each_signal_has_one_taker(self, mills: tuple[Mill, Mill], first: str) -> None:
        mill, other = mills
        blueprint = await mill.know(WAITS)

        async def sent(payload: int) -> SignalView:
            return await post(mills[payload % 2], blueprint, "paid", "k", payload)

        runs = [begun(mills[number % 2], blueprint, "k") for number in range(MANY)]
        signals = [sent(payload) for payload in range(MANY)]
        if first == "runs":
            started = await asyncio.gather(*runs)
            await asyncio.gather(*signals)
        elif first == "signals":
            await asyncio.gather(*signals)
            started = await asyncio.gather(*runs)
        else:
            everything = await asyncio.gather(*(task for pair in zip(runs, signals, strict=True) for task in pair))
            started = [id for id in everything if isinstance(id, UUID)]

        assert await taken_by(mill, started) == Counter(range(MANY))
        assert await kept(other, blueprint, "k") == []

    async def test_none_is_lost_when_waits_end_by_the_clock_meanwhile(self, mills: tuple[Mill, Mill]) -> None:
        mill, other = mills
        race = a_node("wait", "race", waits={"paid": {"signal": "paid", "key": "k"}, "late": {"seconds": 0.25}})
        blueprint = await mill.know(a_graph("start -> wait", race))
        runs = [await begun(mill, blueprint) for _ in range(MANY)]
        for payload in range(MANY):
            await post(mills[payload % 2], blueprint, "paid", "k", payload)
        for run in runs:
            await reaches(mill, run, "completed")

        histories = [await mill.facts(run) for run in runs]
        received = [fact.signal_id for facts in histories for fact in facts if isinstance(fact, SignalReceived)]
        used = [fact.signal_id for facts in histories for fact in facts if isinstance(fact, WaitEnded)]
        assert set(received) == set(used) - {None}
        assert len(received) + len(await kept(other, blueprint, "k")) == MANY
