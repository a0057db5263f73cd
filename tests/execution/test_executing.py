"""A run on the real stack: accepted, driven, ended, read, cancelled."""

import asyncio

import pytest

from chassis.ids import new_id
from contracts.execution import (
    CancelInstance,
    CancelView,
    ExecuteBody,
    FollowInstance,
    GetInstance,
    GetInstanceLogs,
    ListInstances,
)
from contracts.refusal import Conflict, Forbidden, Missing, TooLarge, Unavailable
from contracts.workflow import RunConfig
from tests.support.builders import ALICE, BOB, a_graph, a_node, a_reference
from tests.support.eventually import eventually
from tests.support.mill import Mill

CHAIN = a_graph("start -> a", "a -> b", a_node("a", "tool"), a_node("b", "tool", arguments={"was": "${ nodes.a }"}))
SLEEPER = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 1.5}))


async def test_a_run_ends_with_its_output_and_its_figures(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(CHAIN), {"n": 1})
    assert (answer.status, answer.output) == ("completed", {"b": {"was": {"node": "a"}}})
    assert answer.metrics is not None
    assert answer.metrics.nodes_executed == 3
    assert set(answer.metrics.node_execution_times) == {"start", "a", "b"}


async def test_the_instance_reads_the_same_from_the_ledger_and_from_the_read_model(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(CHAIN), {"n": 1})
    at_once = await mill.instance(answer.instance_id)

    async def projected() -> bool:
        row = await mill.runtime.pool.fetchrow("SELECT status FROM workflow_instances")
        return row is not None and row["status"] == "completed"

    await eventually(projected)
    assert await mill.instance(answer.instance_id) == at_once
    assert at_once.output == answer.output


async def test_without_waiting_the_answer_follows_the_acceptance(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(SLEEPER), wait=0)
    assert answer.status == "running"
    assert (await mill.told(answer.instance_id))[0] == "InstanceRequested"


async def test_a_caller_waits_no_longer_than_asked(mill: Mill) -> None:
    answer = await mill.execute(await mill.know(SLEEPER), wait=0.2)
    assert (answer.status, answer.output) == ("running", None)


async def test_a_delay_rests_and_the_caller_still_gets_the_end(mill: Mill) -> None:
    blueprint = await mill.know(a_graph("start -> wait", "wait -> a", a_node("wait", "delay", seconds=0.2)))
    answer = await mill.execute(blueprint)
    assert answer.status == "completed"
    told = await mill.told(answer.instance_id)
    assert told.index("InstanceSuspended") < told.index("InstanceClaimed") < told.index("InstanceCompleted")


async def test_a_tool_that_raises_fails_its_node_and_not_its_worker(mill: Mill) -> None:
    blueprint = await mill.know(a_graph("start -> a", a_node("a", "tool", name="no_such_tool")))
    answer = await mill.execute(blueprint)
    assert answer.status == "failed"
    assert answer.error is not None
    assert answer.error.node_id == "a"
    assert "no_such_tool" in answer.error.message
    assert (await mill.execute(await mill.know(CHAIN))).status == "completed"


async def test_asking_again_with_the_same_id_is_the_same_run(mill: Mill) -> None:
    blueprint, instance_id = await mill.know(CHAIN), new_id()
    first = await mill.execute(blueprint, instance_id=instance_id)
    again = await mill.execute(blueprint, instance_id=instance_id)
    assert again == first
    assert (await mill.told(instance_id)).count("InstanceCompleted") == 1


class TestIdempotencyKeys:
    async def test_the_same_key_and_content_is_the_same_run(self, mill: Mill) -> None:
        blueprint = await mill.know(CHAIN)
        answers = await asyncio.gather(*(mill.execute(blueprint, 1, idempotency_key="k") for _ in range(5)))
        assert len({answer.instance_id for answer in answers}) == 1
        assert {answer.status for answer in answers} == {"completed"}

    async def test_the_same_key_with_other_content_is_refused(self, mill: Mill) -> None:
        blueprint = await mill.know(CHAIN)
        await mill.execute(blueprint, 1, idempotency_key="k")
        with pytest.raises(Conflict, match="other content"):
            await mill.execute(blueprint, 2, idempotency_key="k")

    async def test_a_key_belongs_to_its_owner(self, mill: Mill) -> None:
        blueprint = (await mill.know(CHAIN)).model_copy(update={"visibility": "public"})
        mine = await mill.execute(blueprint, 1, idempotency_key="k")
        theirs = await mill.execute(blueprint, 2, idempotency_key="k", caller=BOB)
        assert mine.instance_id != theirs.instance_id


class TestTheDoor:
    async def test_a_strangers_blueprint_is_not_there(self, mill: Mill) -> None:
        with pytest.raises(Missing):
            await mill.execute(await mill.know(CHAIN), caller=BOB)

    async def test_an_archived_blueprint_runs_nothing_new(self, mill: Mill) -> None:
        blueprint = (await mill.know(CHAIN)).model_copy(update={"archived": True})
        with pytest.raises(Conflict, match="archived"):
            await mill.execute(blueprint)

    async def test_a_version_that_has_not_arrived_is_not_waited_for_for_ever(self, mill: Mill) -> None:
        with pytest.raises(Unavailable):
            await mill.execute(a_reference())

    async def test_an_input_over_the_limit_is_too_large_and_writes_nothing(self, mill: Mill) -> None:
        blueprint, before = await mill.know(CHAIN), await mill.runtime.store.head()
        with pytest.raises(TooLarge):
            await mill.execute(blueprint, "x" * 1_100_000)
        assert await mill.runtime.store.head() == before

    async def test_a_caller_may_override_what_a_run_may_configure(self, mill: Mill) -> None:
        blueprint = await mill.know(SLEEPER, timeout_seconds=60)
        answer = await mill.execute(blueprint, body=ExecuteBody(config=RunConfig(timeout_seconds=0.2)))
        assert answer.error is not None
        assert (answer.status, answer.error.type, answer.error.code) == ("failed", "timeout", "execution_timeout")


class TestCancelling:
    async def cancel(self, mill: Mill, instance_id: object, caller: object = ALICE) -> CancelView:
        answer = await mill.runtime.bus.ask_for(CancelInstance(caller=caller, instance_id=instance_id))
        assert isinstance(answer, CancelView)
        return answer

    async def test_a_running_node_is_stopped(self, mill: Mill) -> None:
        running = await mill.execute(await mill.know(SLEEPER), wait=0)
        assert (await self.cancel(mill, running.instance_id)).status == "cancelled"
        assert (await mill.told(running.instance_id))[-2:] == ["NodeCancelled", "InstanceCancelled"]

    async def test_a_resting_instance_ends_at_once(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> wait", a_node("wait", "delay", seconds=3600)))
        waiting = await mill.execute(blueprint, wait=0)

        async def rests() -> bool:
            return (await mill.instance(waiting.instance_id)).status == "waiting"

        await eventually(rests)
        assert (await self.cancel(mill, waiting.instance_id)).status == "cancelled"

    async def test_a_second_cancel_changes_nothing(self, mill: Mill) -> None:
        running = await mill.execute(await mill.know(SLEEPER), wait=0)
        await self.cancel(mill, running.instance_id)
        again = await self.cancel(mill, running.instance_id)
        assert (again.status, again.changed) == ("cancelled", False)

    async def test_what_has_ended_otherwise_cannot_be_cancelled(self, mill: Mill) -> None:
        done = await mill.execute(await mill.know(CHAIN))
        with pytest.raises(Conflict, match="completed"):
            await self.cancel(mill, done.instance_id)

    async def test_a_team_mate_sees_it_and_may_not_cancel_it(self, mill: Mill) -> None:
        mate = BOB.model_copy(update={"teams": ("mill",)})
        running = await mill.execute(await mill.know(SLEEPER), wait=0)
        with pytest.raises(Forbidden):
            await self.cancel(mill, running.instance_id, mate)
        with pytest.raises(Missing):
            await self.cancel(mill, running.instance_id, BOB)


class TestReading:
    async def test_lists_show_what_was_just_accepted_newest_first_page_by_page(self, mill: Mill) -> None:
        blueprint = await mill.know(CHAIN)
        ids = [(await mill.execute(blueprint, n)).instance_id for n in range(5)]
        first = await mill.runtime.bus.ask_for(ListInstances(caller=ALICE, limit=3))
        second = await mill.runtime.bus.ask_for(ListInstances(caller=ALICE, limit=3, cursor=first.next_cursor))
        assert [item.id for item in (*first.items, *second.items)] == ids[::-1]
        assert second.next_cursor is None

    async def test_lists_hold_the_teams_instances_and_no_strangers(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(CHAIN))
        mate = BOB.model_copy(update={"teams": ("mill",)})
        theirs = await mill.runtime.bus.ask_for(ListInstances(caller=mate))
        nobodys = await mill.runtime.bus.ask_for(ListInstances(caller=BOB))
        assert [item.id for item in theirs.items] == [answer.instance_id]
        assert nobodys.items == ()

    async def test_the_log_tells_every_fact_in_order(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(CHAIN))
        first = await mill.runtime.bus.ask_for(GetInstanceLogs(caller=ALICE, instance_id=answer.instance_id, limit=4))
        rest = await mill.runtime.bus.ask_for(
            GetInstanceLogs(caller=ALICE, instance_id=answer.instance_id, cursor=first.next_cursor)
        )
        entries = (*first.items, *rest.items)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert [entry.event for entry in entries] == await mill.told(answer.instance_id)

    async def test_a_stream_that_lost_its_place_gets_the_rest(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(CHAIN))
        lines = await mill.runtime.bus.ask_for(FollowInstance(caller=ALICE, instance_id=answer.instance_id, after=3))
        assert lines.ended
        assert lines.items[0].seq == 4

    async def test_a_page_is_cut_where_one_answer_would_grow_too_large(self, mill: Mill) -> None:
        blueprint, large = await mill.know(CHAIN), "x" * 300_000
        for _ in range(3):
            await mill.execute(blueprint, large)
        first = await mill.runtime.bus.ask_for(ListInstances(caller=ALICE))
        rest = await mill.runtime.bus.ask_for(ListInstances(caller=ALICE, cursor=first.next_cursor))
        assert (len(first.items), len(rest.items)) == (1, 1)
        lines = await mill.runtime.bus.ask_for(FollowInstance(caller=ALICE, instance_id=first.items[0].id))
        after = lines.items[-1].seq
        more = await mill.runtime.bus.ask_for(FollowInstance(caller=ALICE, instance_id=first.items[0].id, after=after))
        assert not lines.ended
        assert more.items[0].seq == after + 1

    async def test_a_strangers_instance_is_not_there(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(CHAIN))
        with pytest.raises(Missing):
            await mill.runtime.bus.ask_for(GetInstance(caller=BOB, instance_id=answer.instance_id))


async def test_an_execution_command_is_answered_late_without_blocking_others(mill: Mill) -> None:
    slow = asyncio.create_task(mill.execute(await mill.know(SLEEPER), wait=1.0))
    assert (await mill.execute(await mill.know(CHAIN))).status == "completed"
    assert not slow.done()
    assert (await slow).status == "running"


async def test_a_run_that_is_asked_for_again_while_it_lives_lives_on(mill: Mill) -> None:
    blueprint, instance_id = await mill.know(SLEEPER), new_id()
    first = asyncio.create_task(mill.execute(blueprint, instance_id=instance_id))
    await eventually(lambda: mill.told(instance_id))
    again = await asyncio.gather(*(mill.execute(blueprint, instance_id=instance_id, wait=0) for _ in range(3)))
    assert {answer.status for answer in again} == {"running"}
    assert (await first).status == "completed"
    assert (await mill.told(instance_id)).count("InstanceRequested") == 1


async def test_a_run_whose_first_turn_is_full_goes_on(mill: Mill) -> None:
    body = a_graph(a_node("pass", "start"), start="pass").model_dump(mode="json")
    counting = a_node("loop", "loop", **{"while": "index < 200", "body": body})
    answer = await mill.execute(await mill.know(a_graph("start -> loop", counting)))
    assert answer.status == "completed"
    assert answer.output["loop"]["iterations"] == 200
