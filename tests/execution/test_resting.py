"""Runs that rest: they cost a worker nothing, and whatever reaches them takes them up though every message is lost."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import clock
from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.steering import PauseInstance
from execution.driving.worker import REMEMBERED_WAKES
from execution.steering.orders import following
from tests.execution.asking import begun, order, output, reaches
from tests.support.builders import a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

SIGNAL = a_graph("start -> wait", a_node("wait", "signal", name="go", key="${ input }"))
DELAY = a_graph("start -> wait", a_node("wait", "delay", seconds="${ input }"))
EACH = 60


async def test_a_worker_remembers_of_a_resting_run_no_more_than_a_time_that_is_near(mill: Mill) -> None:
    calls, naps = await mill.know(SIGNAL), await mill.know(DELAY)
    near, far = 600, REMEMBERED_WAKES.total_seconds() + 600
    for number in range(EACH):
        for blueprint, input in ((calls, f"{number}"), (naps, near), (naps, far)):
            await begun(mill, blueprint, input)

    worker = mill.at.worker
    await eventually(lambda: not worker.runs and not worker.line)
    assert len(worker.wakes) == EACH
    assert max(due for due, _ in worker.wakes) < clock.now() + timedelta(seconds=near)


async def test_a_request_that_comes_too_late_holds_up_nobody_behind_it_in_line(mill: Mill) -> None:
    worker = mill.at.worker
    worker.line.update(dict.fromkeys(new_id() for _ in range(3)))
    await worker.next_in_line()
    assert not worker.line


async def recorded(mill: Mill, instance_id: UUID, event_type: type[facts.InstanceEvent], **fields: Any) -> None:
    """Record a fact as if whoever did so had died right after it."""
    instance = await mill.at.records.load(instance_id)
    await mill.at.records.append([following(instance, event_type, clock.now(), **fields)])


async def test_whatever_reaches_a_resting_run_is_found_by_the_scan_when_all_messages_are_lost(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    fails = a_node("wait", "tool", name="fail", arguments={"error_type": "permanent", "message": "no", "times": 1})
    async with milling(execution_dsn, nats_url, namespace, work_is_lost=True) as mill:
        blueprint = await mill.know(SIGNAL)
        called, resumed, ended = [await begun(mill, blueprint, key) for key in "abc"]
        retried = (await mill.execute(await mill.know(a_graph("start -> wait", fails)))).instance_id
        for run in (resumed, ended):
            await order(mill, PauseInstance, run)
        said: dict[str, Any] = {"name": "go", "payload": 1, "by": "alice"}
        await recorded(mill, called, facts.SignalReceived, signal_id=new_id(), **said)
        await recorded(mill, resumed, facts.SignalReceived, signal_id=new_id(), **said)
        await recorded(mill, resumed, facts.InstanceResumed, by="alice")
        await recorded(mill, ended, facts.InstanceTerminateRequested, by="alice")
        await recorded(mill, retried, facts.InstanceRetried, by="alice")

        assert [await output(mill, run) for run in (called, resumed)] == [{"wait": 1}, {"wait": 1}]
        await reaches(mill, retried, "completed")
        await reaches(mill, ended, "terminated")


async def test_a_decision_that_came_while_nobody_was_there_is_found_afterwards(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    async with milling(execution_dsn, nats_url, namespace, work_is_lost=True) as mill:
        run = await begun(mill, await mill.know(a_graph("start -> wait", a_node("wait", "approval"))))
        await reaches(mill, run, "waiting")
        decided = {"node_id": "wait", "visit": 1, "approved": True, "by": "alice"}
        await recorded(mill, run, facts.ApprovalDecided, **decided)
    async with milling(execution_dsn, nats_url, namespace) as mill:
        assert (await output(mill, run))["wait"]["approved"] is True
