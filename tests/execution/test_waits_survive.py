"""Whatever a run waits for, it waits for across a restart: one process begins it, another one sees it through."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis import clock
from contracts.blueprint import BlueprintReference
from contracts.instance_events import NodeCompleted
from contracts.steering import CancelNode, PauseInstance, ResumeInstance, RetryInstance, TerminateInstance
from tests.execution.asking import begun, decide, has_rested, order, output, post, reaches, signal, waits
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill, milling

Process = Callable[[], AbstractAsyncContextManager[Mill]]
SOON_SECONDS = 1.5
"""Long enough for one process to stop and another one to begin."""


@pytest.fixture
def process(execution_dsn: str, nats_url: str, namespace: str) -> Process:
    """One process after the other, on the same ledger and the same bus."""
    return lambda: milling(execution_dsn, nats_url, namespace)


async def waiting(mill: Mill, node_type: str, input: Any = None, **config: Any) -> UUID:
    """A run that rests at one node and answers with its output."""
    return await begun(mill, await one_node(mill, node_type, **config), input)


async def one_node(mill: Mill, node_type: str, **config: Any) -> BlueprintReference:
    """A blueprint of one node that answers with its output."""
    end = a_node("end", "end", output="${ nodes.wait }")
    return await mill.know(a_graph("start -> wait", "wait -> end", a_node("wait", node_type, **config), end))


async def test_times(process: Process) -> None:
    at = (clock.now() + timedelta(seconds=SOON_SECONDS)).isoformat()
    async with process() as mill:
        runs = [
            await waiting(mill, "delay", seconds=SOON_SECONDS),
            await waiting(mill, "until", time=at),
            await waiting(mill, "race", waits={"never": {"signal": "x"}, "soon": {"seconds": SOON_SECONDS}}),
        ]
        for run in runs:
            await has_rested(mill, run)
    async with process() as mill:
        assert [await output(mill, run) for run in runs] == [None, None, {"winner": "soon", "output": None}]


async def test_signals_that_come_late(process: Process) -> None:
    race = {"go": {"signal": "go"}, "late": {"seconds": 3600}}
    async with process() as mill:
        alone, raced = await waiting(mill, "signal", name="go"), await waiting(mill, "race", waits=race)
        await reaches(mill, alone, "waiting")
    async with process() as mill:
        await reaches(mill, raced, "waiting")
        await signal(mill, alone, "go", 1)
        await signal(mill, raced, "go", 2)
        assert await output(mill, alone) == 1
        assert await output(mill, raced) == {"winner": "go", "output": 2}


async def test_signals_that_came_early(process: Process) -> None:
    nap, wait = a_node("nap", "delay", seconds=SOON_SECONDS), a_node("wait", "signal", name="go")
    async with process() as mill:
        run = await begun(mill, await mill.know(a_graph("start -> nap", "nap -> wait", nap, wait)))
        await signal(mill, run, "go", "early")
    async with process() as mill:
        assert await output(mill, run) == {"wait": "early"}


async def test_keys_on_either_side(process: Process) -> None:
    async with process() as mill:
        blueprint = await one_node(mill, "signal", name="paid", key="${ input }")
        run = await begun(mill, blueprint, "a")
        kept = await post(mill, blueprint, "paid", "b", "early")
    async with process() as mill:
        assert (await post(mill, blueprint, "paid", "a", "late")).instance_id == run
        assert await output(mill, run) == "late"
        taken = await mill.execute(blueprint, "b")
        assert taken.output == "early"
        again = await post(mill, blueprint, "paid", "b", "early", signal_id=kept.signal_id)
        assert again.instance_id == taken.instance_id


async def test_decisions(process: Process) -> None:
    async with process() as mill:
        approved, rejected = await waiting(mill, "approval", title="Pay?"), await waiting(mill, "approval")
        await reaches(mill, rejected, "waiting")
    async with process() as mill:
        assert [wait.title for wait in (await waits(mill, approved)).items] == ["Pay?"]
        await decide(mill, approved)
        await decide(mill, rejected, approved=False)
        assert (await output(mill, approved))["by"] == "alice"
        await reaches(mill, rejected, "failed")


async def test_deadlines_of_decisions(process: Process) -> None:
    async with process() as mill:
        approved, rejected, failed = [
            await waiting(mill, "approval", deadline_seconds=SOON_SECONDS, on_deadline=then)
            for then in ("approve", "reject", "fail")
        ]
    async with process() as mill:
        assert (await output(mill, approved))["approved"] is True
        for run, error in ((rejected, "rejected"), (failed, "timeout")):
            await reaches(mill, run, "failed")
            found = (await mill.instance(run)).error
            assert found is not None
            assert found.type == error


async def test_orders(process: Process) -> None:
    fails = a_node("work", "tool", name="fail", arguments={"error_type": "permanent", "message": "no", "times": 1})
    before = a_node("before", "tool")
    async with process() as mill:
        delay = {"seconds": 4}
        paused, terminated = await waiting(mill, "delay", **delay), await waiting(mill, "signal", name="go")
        given_up = await waiting(mill, "signal", name="go")
        failed = await mill.execute(await mill.know(a_graph("start -> before", "before -> work", before, fails)))
        await order(mill, PauseInstance, paused)
    async with process() as mill:
        assert (await mill.instance(paused)).status == "paused"
        await order(mill, ResumeInstance, paused)
        assert (await order(mill, TerminateInstance, terminated)).status == "terminated"
        await order(mill, CancelNode, given_up, node_id="wait")
        await order(mill, RetryInstance, failed.instance_id)
        for run in (paused, given_up, failed.instance_id):
            await reaches(mill, run, "completed")
        done = [fact.node_id for fact in await mill.facts(failed.instance_id) if isinstance(fact, NodeCompleted)]
        assert done == ["start", "before", "work"]
