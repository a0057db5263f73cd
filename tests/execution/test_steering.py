"""Orders to a run on the real stack: who may give them, what they change, and when they are refused."""

from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts.instance_events import ENDINGS, NodeCompleted
from contracts.message import Caller
from contracts.refusal import Conflict, Missing
from contracts.steering import (
    CancelNode,
    PauseInstance,
    ResumeInstance,
    RetryInstance,
    SteeringCommand,
    TerminateInstance,
)
from tests.execution.asking import DAN, STRANGER, begun, order, output, reaches, signal
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.mill import Mill

CALLED = a_graph("start -> called", "called -> after", a_node("called", "signal", name="call"))
NAP = a_graph("start -> nap", "nap -> after", a_node("nap", "tool", name="sleep", arguments={"seconds": 0.4}))
FAILS = a_node("work", "tool", name="fail", arguments={"error_type": "permanent", "message": "no", "times": 1})
ORDERS: list[type[SteeringCommand]] = [PauseInstance, ResumeInstance, TerminateInstance, RetryInstance, CancelNode]


async def give(mill: Mill, kind: type[SteeringCommand], instance_id: UUID, caller: Caller = ALICE) -> None:
    """Any order, to the node `called` where it needs one."""
    await order(mill, kind, instance_id, caller, **({"node_id": "called"} if kind is CancelNode else {}))


class TestAnyOrder:
    async def test_is_for_the_owner_and_the_team_alone(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        for kind in ORDERS:
            for unseen, caller in ((id, STRANGER), (new_id(), DAN)):
                with pytest.raises(Missing) as refused:
                    await give(mill, kind, unseen, caller)
                assert refused.value.code == "instance_not_found"
        assert (await mill.told(id))[-1] == "InstanceSuspended"

    async def test_to_what_has_ended_is_refused(self, mill: Mill) -> None:
        done = await mill.execute(await mill.know(a_graph("start -> called")))
        for kind in ORDERS:
            with pytest.raises(Conflict):
                await give(mill, kind, done.instance_id)
        assert (await mill.told(done.instance_id))[-1] == "InstanceCompleted"


class TestPausing:
    async def test_a_run_at_rest_is_paused_at_once_by_a_member_of_the_team(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        paused = await order(mill, PauseInstance, id, DAN)
        again = await order(mill, PauseInstance, id)
        assert (paused.status, paused.changed) == ("paused", True)
        assert (again.status, again.changed) == ("paused", False)

    async def test_a_busy_run_is_paused_when_nothing_is_in_flight(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(NAP))
        assert (await order(mill, PauseInstance, id)).status == "running"
        await reaches(mill, id, "paused")
        told = await mill.told(id)
        assert told[-2:] == ["NodeCompleted", "InstancePaused"]
        await order(mill, ResumeInstance, id)
        assert await output(mill, id) == {"after": "after"}

    async def test_what_came_meanwhile_is_found_afterwards(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        await order(mill, PauseInstance, id)
        await signal(mill, id, "call", 7)
        assert (await mill.instance(id)).status == "paused"
        assert (await order(mill, ResumeInstance, id)).changed
        await output(mill, id)

    async def test_what_is_not_paused_cannot_be_resumed(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        assert not (await order(mill, ResumeInstance, id)).changed
        assert (await mill.told(id)).count("InstanceResumed") == 0


class TestTerminating:
    @pytest.mark.parametrize("paused", [False, True])
    async def test_ends_a_run_at_rest_and_once(self, mill: Mill, paused: bool) -> None:
        id = await begun(mill, await mill.know(CALLED))
        if paused:
            await order(mill, PauseInstance, id)
        ended = await order(mill, TerminateInstance, id)
        again = await order(mill, TerminateInstance, id)
        assert (ended.status, ended.changed) == ("terminated", True)
        assert (again.status, again.changed) == ("terminated", False)
        assert len([fact for fact in await mill.facts(id) if type(fact) in ENDINGS]) == 1

    async def test_stops_what_is_in_flight(self, mill: Mill) -> None:
        long = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 60}))
        id = await begun(mill, await mill.know(long))
        assert (await order(mill, TerminateInstance, id)).status == "terminated"
        assert id not in mill.at.worker.runs


class TestRetrying:
    async def test_goes_on_and_repeats_nothing(self, mill: Mill) -> None:
        graph = a_graph("start -> before", "before -> work", a_node("before", "tool"), FAILS)
        failed = await mill.execute(await mill.know(graph))
        assert failed.status == "failed"
        assert (await order(mill, RetryInstance, failed.instance_id)).changed
        await reaches(mill, failed.instance_id, "completed")
        done = [fact.node_id for fact in await mill.facts(failed.instance_id) if isinstance(fact, NodeCompleted)]
        assert done == ["start", "before", "work"]

    async def test_is_refused_while_it_goes_on(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        with pytest.raises(Conflict, match="waiting") as refused:
            await order(mill, RetryInstance, id)
        assert refused.value.code == "not_failed"

    async def test_is_refused_when_it_was_undone(self, mill: Mill) -> None:
        undone = a_node("before", "tool", compensate="undo")
        graph = a_graph("start -> before", "before -> work", undone, a_node("undo", "tool"), FAILS)
        failed = await mill.execute(await mill.know(graph))
        with pytest.raises(Conflict, match="undone") as refused:
            await order(mill, RetryInstance, failed.instance_id)
        assert refused.value.code == "compensated"


class TestGivingUpANode:
    async def test_lets_the_others_go_on(self, mill: Mill) -> None:
        graph = a_graph("start -> called", "start -> nap", *CALLED.nodes[:1], *NAP.nodes[:1])
        id = await begun(mill, await mill.know(graph))
        assert (await order(mill, CancelNode, id, node_id="called")).changed
        assert list(await output(mill, id)) == ["nap"]

    async def test_finds_what_is_ready_and_has_not_begun(self, mill: Mill) -> None:
        graph = a_graph("start -> nap", "start -> next", *NAP.nodes[:1], a_node("next", "tool"))
        id = await begun(mill, await mill.know(graph, executor="sequential"))
        await order(mill, CancelNode, id, node_id="next")
        assert list(await output(mill, id)) == ["nap"]

    async def test_is_refused_where_nothing_goes_on(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        with pytest.raises(Conflict, match="'after'") as refused:
            await order(mill, CancelNode, id, node_id="after")
        assert refused.value.code == "nothing_goes_on"

    async def test_is_refused_for_a_node_that_is_not_there(self, mill: Mill) -> None:
        id = await begun(mill, await mill.know(CALLED))
        with pytest.raises(Missing, match="'nowhere'") as refused:
            await order(mill, CancelNode, id, node_id="nowhere")
        assert refused.value.code == "node_not_found"
