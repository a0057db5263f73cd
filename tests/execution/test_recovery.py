"""Whatever dies, an accepted run goes on: workers, claims, messages."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from chassis import clock
from chassis.bus import Bus
from chassis.ids import new_id
from contracts.instance_events import InstanceCancelRequested, InstanceClaimed, NodeCompleted
from contracts.workflow import BlueprintConfig
from execution.domain.decisions.advancing import advance
from execution.domain.decisions.ending import complete
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.door import requested
from execution.driving.known import compile_version, version_definition
from execution.driving.records import Records
from tests.support.builders import a_graph, a_node, an_execution
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

STEPS = a_graph("start -> a", "a -> b", a_node("a", "tool"), a_node("b", "tool"))


class Elsewhere:
    """Records what another worker would have recorded before it died."""

    def __init__(self, mill: Mill) -> None:
        self.mill = mill
        self.records = Records(mill.runtime.store)
        self.worker_id = new_id()

    async def accept(self, graph: object, *, claimed: bool, drive: bool = True) -> Instance:
        version = compile_version(version_definition(graph, BlueprintConfig()))
        reference = await self.mill.know(graph)
        command = an_execution(reference)
        turn = Turn(Instance(command.instance_id, version.graph), clock.now())
        worker_id = self.worker_id if claimed else None
        turn.take(requested(command, version.config, turn.now, worker_id))
        if drive:
            advance(turn)
        await self.records.append(turn.events)
        return turn.instance


async def status(mill: Mill, instance: Instance, wanted: str = "completed") -> None:
    async def reached() -> bool:
        return (await mill.instance(instance.id)).status == wanted

    await eventually(reached)


async def test_an_instance_whose_worker_is_gone_is_taken_over_and_repeats_no_completed_step(mill: Mill) -> None:
    instance = await Elsewhere(mill).accept(STEPS, claimed=True)
    await status(mill, instance)
    facts = await mill.facts(instance.id)
    claims = [fact for fact in facts if isinstance(fact, InstanceClaimed)]
    assert [claim.epoch for claim in claims] == [2]
    done = [(fact.node_id, fact.visit) for fact in facts if isinstance(fact, NodeCompleted)]
    assert sorted(done) == [("a", 1), ("b", 1), ("start", 1)]


async def test_an_accepted_instance_that_nobody_began_is_started_from_the_work_stream(mill: Mill) -> None:
    instance = await Elsewhere(mill).accept(STEPS, claimed=False, drive=False)
    await status(mill, instance)


async def starts_outlast(lose: Callable[[Bus], Awaitable[object]], dsn: str, nats_url: str, namespace: str) -> None:
    """Accept more runs than there is room for, lose what waits on the bus, and see every run end."""
    async with milling(dsn, nats_url, namespace, slots=1) as mill:
        napping = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 1.0}))
        blueprint = await mill.know(napping)
        accepted = [await mill.execute(blueprint, wait=0) for _ in range(3)]
        assert {answer.status for answer in accepted} == {"running", "pending"}
        await lose(mill.runtime.bus)
        for answer in accepted:
            await eventually(lambda id=answer.instance_id: ended(mill, id), timeout=20)


async def test_a_work_stream_that_was_wiped_loses_no_start(execution_dsn: str, nats_url: str, namespace: str) -> None:
    await starts_outlast(lambda bus: bus.js.delete_stream(bus.stream("work")), execution_dsn, nats_url, namespace)


async def test_starts_that_a_standing_work_stream_has_lost_are_made_again(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    """As after the power failed: the stream is the same one, and its last messages never reached the disk."""
    await starts_outlast(lambda bus: bus.js.purge_stream(bus.stream("work")), execution_dsn, nats_url, namespace)


async def test_a_worker_whose_lease_broke_is_alive_again(mill: Mill) -> None:
    leases = mill.at.worker.leases
    before = leases.connection
    assert before is not None
    [(pid,)] = await before.fetch("SELECT pg_backend_pid()")
    await mill.runtime.pool.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    assert leases.worker_id not in await leases.alive()

    async def alive() -> bool:
        return leases.worker_id in await leases.alive()

    await eventually(alive)
    assert leases.connection is not before


async def ended(mill: Mill, instance_id: object) -> bool:
    return (await mill.instance(instance_id)).status == "completed"


async def test_a_worker_that_was_fenced_records_nothing_more(mill: Mill) -> None:
    napping = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 0.3}))
    answer = await mill.execute(await mill.know(napping), wait=0)
    other, records = new_id(), Records(mill.runtime.store)
    instance = await records.load(answer.instance_id)
    turn = Turn(instance, clock.now())
    turn.record(InstanceClaimed, worker_id=other, epoch=instance.epoch + 1)
    await records.append(turn.events)

    async def taken_back() -> bool:
        return (await mill.instance(answer.instance_id)).status == "completed"

    await eventually(taken_back)
    facts = await mill.facts(answer.instance_id)
    assert [fact.epoch for fact in facts if isinstance(fact, InstanceClaimed)] == [2, 3]
    assert sum(isinstance(fact, NodeCompleted) and fact.node_id == "nap" for fact in facts) == 1


async def test_who_asks_a_worker_that_was_fenced_is_told_what_is_recorded(mill: Mill) -> None:
    """It stood still meanwhile, and does not know yet that the run has ended elsewhere."""
    napping = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 2.0}))
    blueprint = await mill.know(napping)
    answer = await mill.execute(blueprint, wait=0)
    records = Records(mill.runtime.store)
    turn = Turn(await records.load(answer.instance_id), clock.now())
    turn.record(InstanceClaimed, worker_id=new_id(), epoch=turn.instance.epoch + 1)
    complete(turn, "done elsewhere")
    await records.append(turn.events)

    again = [await mill.execute(blueprint, wait=wait, instance_id=answer.instance_id) for wait in (0, 0.2)]

    assert mill.at.worker.runs[answer.instance_id].instance.status == "running"
    assert [(told.status, told.output) for told in again] == [("completed", "done elsewhere")] * 2


async def test_an_outside_fact_in_the_middle_of_a_node_keeps_the_result_in_hand(mill: Mill) -> None:
    """The owner meets a version conflict when its node is done: it reads the fact and records the same result."""
    napping = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 0.3}))
    answer = await mill.execute(await mill.know(napping), wait=0)
    records = Records(mill.runtime.store)
    turn = Turn(await records.load(answer.instance_id), clock.now())
    turn.record(InstanceCancelRequested, by="somebody")
    await records.append(turn.events)

    async def over() -> bool:
        return (await mill.instance(answer.instance_id)).status == "cancelled"

    await eventually(over)


async def test_ten_waits_survive_the_worker(execution_dsn: str, nats_url: str, namespace: str, tmp_path: Path) -> None:
    waiting = a_graph("start -> wait", "wait -> a", a_node("wait", "delay", seconds=0.8), a_node("a", "tool"))
    async with milling(execution_dsn, nats_url, namespace) as first:
        blueprint = await first.know(waiting)
        ids = [(await first.execute(blueprint, wait=0)).instance_id for _ in range(10)]
    async with milling(execution_dsn, nats_url, namespace) as second:
        for instance_id in ids:
            await eventually(lambda id=instance_id: ended(second, id))


async def test_a_worker_that_stops_lets_its_node_finish_and_hands_the_rest_over(
    execution_dsn: str, nats_url: str, namespace: str, tmp_path: Path
) -> None:
    lines = tmp_path / "lines"
    graph = a_graph(
        "start -> nap",
        "nap -> write",
        a_node("nap", "tool", name="sleep", arguments={"seconds": 0.5}),
        a_node("write", "tool", name="append_line", arguments={"path": str(lines), "text": "once"}),
    )
    async with milling(execution_dsn, nats_url, namespace) as first:
        answer = await first.execute(await first.know(graph), wait=0)
    async with milling(execution_dsn, nats_url, namespace) as second:
        await eventually(lambda: ended(second, answer.instance_id))
        facts = await second.facts(answer.instance_id)
    assert sum(isinstance(fact, NodeCompleted) and fact.node_id == "nap" for fact in facts) == 1
    assert len(lines.read_text().splitlines()) == 1


async def test_two_workers_never_both_advance_an_instance(execution_dsn: str, nats_url: str, namespace: str) -> None:
    async with milling(execution_dsn, nats_url, namespace) as one, milling(execution_dsn, nats_url, namespace) as two:
        blueprint = await one.know(STEPS)
        accepted = await asyncio.gather(*(two.execute(blueprint, n) for n in range(30)))
        for answer in accepted:
            assert answer.status == "completed"
            told = await two.told(answer.instance_id)
            assert told.count("InstanceCompleted") == 1
            assert told.count("NodeStarted") == 2
