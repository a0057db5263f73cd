"""Runs and nodes that queue for a critical section: never too many inside, nobody forgotten."""

import asyncio
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.blueprint import BlueprintReference
from contracts.execution import CancelInstance, ExecutionView
from contracts.message import Caller
from execution.memory.section_keeper import SectionKeeper
from execution.memory.sections import PostgresSections
from execution.middleware.contract import Ticket, place_id
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

BORIS = Caller(user_id="boris", teams=("mill",))
BY_TILL = {"key": "input.till"}
FOREVER = a_graph("start -> nap", a_node("nap", "delay", seconds=600))


def napping(seconds: float = 0.02, **policies: object) -> object:
    return a_node("nap", "tool", name="sleep", arguments={"seconds": seconds}, **policies)


def a_ticket(instance_id: UUID, node_id: str) -> Ticket:
    """A ticket that no fact tells of."""
    return Ticket(place_id(instance_id, node_id, 1, ""), "lost", 1, "alice", instance_id, node_id, 1, "")


async def inside(mill: Mill, instance_id: UUID) -> tuple[datetime, datetime]:
    """From when to when the instance was inside."""
    told = await mill.facts(instance_id)
    entered = next(event for event in told if isinstance(event, facts.SectionEntered))
    left = next(event for event in told if isinstance(event, facts.SectionLeft))
    return entered.timestamp, left.timestamp


async def begun(mill: Mill, blueprint: BlueprintReference, name: str = "SectionEntered") -> UUID:
    """A run that has come so far."""
    answer = await mill.execute(blueprint, {"till": 1}, wait=0)

    async def told() -> bool:
        return name in await mill.told(answer.instance_id)

    await eventually(told)
    return answer.instance_id


async def cancel(mill: Mill, instance_id: UUID) -> None:
    await mill.runtime.bus.ask_for(CancelInstance(caller=ALICE, instance_id=instance_id))


class TestInstances:
    async def test_one_that_finds_the_place_free_goes_on_in_the_same_turn(self, mill: Mill) -> None:
        answer = await mill.execute(
            await mill.know(a_graph("start -> nap", napping()), concurrency=BY_TILL), {"till": 1}
        )
        told = await mill.told(answer.instance_id)
        assert told[1:4] == ["SectionRequested", "SectionEntered", "InstanceStarted"]
        assert told[-2:] == ["SectionLeft", "InstanceCompleted"]

    async def test_many_that_want_one_place_get_it_one_after_the_other(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> nap", napping()), concurrency=BY_TILL)
        answers = await asyncio.gather(*(mill.execute(blueprint, {"till": 1}, wait=60) for _ in range(40)))
        assert {answer.status for answer in answers} == {"completed"}
        stays = sorted([await inside(mill, answer.instance_id) for answer in answers])
        assert all(left <= entered for (_, left), (entered, _) in pairwise(stays))

    async def test_other_keys_do_not_wait(self, mill: Mill) -> None:
        blueprint = await mill.know(FOREVER, concurrency=BY_TILL)
        await begun(mill, blueprint)
        other = await mill.execute(blueprint, {"till": 2}, wait=0)
        assert "SectionEntered" in await mill.told(other.instance_id)

    async def test_owners_take_turns(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> nap", napping(0.3)), concurrency=BY_TILL)
        await begun(mill, blueprint)
        queueing = [await begun(mill, blueprint, "InstanceSuspended") for _ in range(3)]
        boris = await mill.execute(blueprint, {"till": 1}, caller=BORIS)

        async def all_done() -> bool:
            return all([(await mill.told(instance_id))[-1] == "InstanceCompleted" for instance_id in queueing])

        await eventually(all_done, 20)
        entered = [(await inside(mill, instance_id))[0] for instance_id in queueing]
        assert (await inside(mill, boris.instance_id))[0] < min(entered)

    async def test_one_that_is_cancelled_in_the_queue_holds_nobody_back(self, mill: Mill) -> None:
        blueprint = await mill.know(FOREVER, concurrency=BY_TILL)
        holder = await begun(mill, blueprint)
        queueing, last = [await begun(mill, blueprint, "InstanceSuspended") for _ in range(2)]
        await cancel(mill, queueing)
        await cancel(mill, holder)

        async def let_in() -> bool:
            return "SectionEntered" in await mill.told(last)

        await eventually(let_in)
        assert "SectionEntered" not in await mill.told(queueing)

    async def test_a_key_without_a_value_fails_the_run_and_says_so(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(FOREVER, concurrency={"key": "input.nothing"}), {"till": 1})
        assert answer.status == "failed"
        assert answer.error is not None
        assert "input.nothing" in answer.error.message


class TestNodes:
    async def test_visits_of_a_node_queue_across_runs(self, mill: Mill) -> None:
        blueprint = await mill.know(
            a_graph("start -> nap", napping(0.05, concurrency={"key": "'printer'", "limit": 2}))
        )
        answers: list[ExecutionView] = await asyncio.gather(*(mill.execute(blueprint) for _ in range(8)))
        assert {answer.status for answer in answers} == {"completed"}
        stays = [await inside(mill, answer.instance_id) for answer in answers]
        for entered, _ in stays:
            assert sum(start <= entered < end for start, end in stays) <= 2

    async def test_a_failed_visit_gives_its_place_back(self, mill: Mill) -> None:
        failing = a_node("nap", "tool", name="fail", concurrency={"key": "'printer'"})
        blueprint = await mill.know(a_graph("start -> nap", failing))
        assert [(await mill.execute(blueprint)).status for _ in range(2)] == ["failed", "failed"]


class TestAfterACrash:
    async def test_an_entrance_that_nobody_told_is_told(self, mill: Mill) -> None:
        blueprint = await mill.know(FOREVER, concurrency=BY_TILL)
        holder = await begun(mill, blueprint)
        queueing = await begun(mill, blueprint, "InstanceSuspended")
        # As a worker that frees the place and dies before it tells the next one.
        await PostgresSections(mill.runtime.pool).leave(place_id(holder, None, None, ""))

        async def let_in() -> bool:
            return "SectionEntered" in await mill.told(queueing)

        await eventually(let_in, 20)

    async def test_a_place_that_was_left_and_not_freed_is_freed_by_whoever_takes_the_run_over(self, mill: Mill) -> None:
        later = a_node("wait", "delay", seconds=0.5)
        graph = a_graph("start -> wait", "wait -> nap", later, napping(concurrency={"key": "'printer'"}))
        answer = await mill.execute(await mill.know(graph), wait=0)
        sections = PostgresSections(mill.runtime.pool)
        await sections.enter(a_ticket(answer.instance_id, "before"))

        async def freed() -> bool:
            return not await sections.drawn_by(answer.instance_id)

        await eventually(freed)

    async def test_places_of_runs_that_are_over_or_never_were_are_given_back(self, mill: Mill) -> None:
        sections, over = PostgresSections(mill.runtime.pool), await mill.execute(await mill.know(a_graph("start -> a")))
        for instance_id in (over.instance_id, new_id()):
            await sections.enter(a_ticket(instance_id, "a"))
        young = a_ticket(new_id(), "a")
        await mill.runtime.pool.execute("UPDATE section_tickets SET asked_at = asked_at - interval '1 hour'")
        await sections.enter(young)
        await SectionKeeper(sections, mill.at.records, mill.at.pipeline.around).inspect(0)
        assert await mill.runtime.pool.fetchval("SELECT ticket_id FROM section_tickets") == young.id

    async def test_queue_and_places_outlive_every_worker(
        self, execution_dsn: str, nats_url: str, namespace: str
    ) -> None:
        where = execution_dsn, nats_url, namespace
        async with milling(*where) as mill:
            blueprint = await mill.know(FOREVER, concurrency=BY_TILL)
            holder = await begun(mill, blueprint)
            queueing = await begun(mill, blueprint, "InstanceSuspended")
        async with milling(*where) as mill:
            assert "SectionEntered" not in await mill.told(queueing)
            await cancel(mill, holder)

            async def let_in() -> bool:
                return "TimerScheduled" in await mill.told(queueing)

            await eventually(let_in, 30)
