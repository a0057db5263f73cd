"""Signals to one run on the real stack: early, late, once, and refused."""

import asyncio
from typing import Any

import pytest

from chassis import clock
from chassis.ids import new_id
from contracts.instance_events import SignalReceived
from contracts.refusal import Conflict, Missing, TooLarge
from contracts.steering import MAX_SIGNALS_KEPT
from contracts.workflow import MAX_VALUE_BYTES
from execution.steering.orders import following
from tests.execution.asking import DAN, STRANGER, begun, output, reaches, signal, waits
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

WAIT = a_node("wait", "signal", name="go")
WAITS = a_graph("start -> wait", "wait -> end", WAIT, a_node("end", "end", output="${ nodes.wait }"))
LATER = a_graph("start -> nap", "nap -> wait", a_node("nap", "delay", seconds=0.3), *WAITS.nodes[:1])
TWICE = a_graph("start -> one", "one -> two", *(a_node(id, "signal", name="go") for id in ("one", "two")))


class TestASignal:
    async def test_from_a_member_of_the_team_lets_the_run_go_on(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(WAITS))
        [wait] = (await waits(mill, id)).items
        sent = await signal(mill, id, "go", {"n": 1}, caller=DAN)
        assert (wait.node_id, wait.kind, wait.name) == ("wait", "signal", "go")
        assert sent.instance_id == id
        assert await output(mill, id) == {"n": 1}
        assert (await waits(mill, id)).items == ()

    async def test_that_comes_early_wakes_nobody_and_is_kept(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(LATER))
        await signal(mill, id, "go", "early")
        assert await output(mill, id) == {"wait": "early"}
        facts = await mill.facts(id)
        assert [fact.early for fact in facts if isinstance(fact, SignalReceived)] == [True]
        assert [type(fact).__name__ for fact in facts].count("InstanceClaimed") == 1

    async def test_of_which_several_come_at_once_are_all_kept(self, mill: Mill) -> None:
        last = a_node("last", "signal", name="stop")
        id = await begun(mill, await mill.know(a_graph("start -> one", "one -> last", *TWICE.nodes[:1], last)))
        await asyncio.gather(*(signal(mill, id, "go", number) for number in range(8)))
        await signal(mill, id, "stop", "now")
        assert await output(mill, id) == {"last": "now"}
        received = [fact.payload for fact in await mill.facts(id) if isinstance(fact, SignalReceived)]
        assert sorted(received[:8]) == list(range(8))

    async def test_is_refused_by_whom_it_does_not_concern(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(WAITS))
        for target, caller in ((id, STRANGER), (new_id(), DAN)):
            with pytest.raises(Missing):
                await signal(mill, target, "go", caller=caller)

    async def test_to_a_run_that_has_ended_is_refused(self, mill: Mill) -> None:
        done = await mill.execute(await mill.know(a_graph("start -> a")))
        with pytest.raises(Conflict) as refused:
            await signal(mill, done.instance_id, "go")
        assert refused.value.code == "already_ended"

    async def test_has_a_size(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(WAITS))
        with pytest.raises(TooLarge):
            await signal(mill, id, "go", "x" * MAX_VALUE_BYTES)

    async def test_is_refused_when_too_many_are_kept(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(WAITS))
        instance = await mill.at.records.load(id)
        said: dict[str, Any] = {"name": "x", "payload": None, "by": "alice", "early": True}
        kept = (
            following(instance, SignalReceived, clock.now(), after=step, signal_id=new_id(), **said)
            for step in range(MAX_SIGNALS_KEPT)
        )
        await mill.at.records.append(tuple(kept))
        with pytest.raises(Conflict) as refused:
            await signal(mill, id, "go")
        assert refused.value.code == "too_many_signals"


class TestOnce:
    async def test_the_same_id_is_the_same_signal_even_when_the_run_has_ended(self, mill: Mill) -> None:
        id, signal_id = await begun(mill, await mill.know(WAITS)), new_id()
        first = await signal(mill, id, "go", 1, signal_id=signal_id)
        await reaches(mill, id, "completed")
        assert await signal(mill, id, "go", 1, signal_id=signal_id) == first
        assert (await mill.told(id)).count("SignalReceived") == 1

    async def test_the_same_key_is_the_same_signal_however_many_ask_at_once(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(TWICE))
        answers = await asyncio.gather(*(signal(mill, id, "go", 1, idempotency_key="k") for _ in range(6)))
        assert len({answer.signal_id for answer in answers}) == 1
        assert (await mill.told(id)).count("SignalReceived") == 1

    async def test_the_same_key_with_other_content_is_refused(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(TWICE))
        await signal(mill, id, "go", 1, idempotency_key="k")
        with pytest.raises(Conflict) as refused:
            await signal(mill, id, "go", 2, idempotency_key="k")
        assert refused.value.code == "idempotency_key_reused"
        assert (await signal(mill, id, "go", 2, idempotency_key="k", caller=DAN)).instance_id == id
