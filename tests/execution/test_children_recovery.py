"""Whatever dies or gets lost, a parent hears how its child ended and a child that it was given up."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from chassis import clock
from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.execution import CancelInstance
from contracts.instance_events import ChildEnded, ChildStarted, InstanceClaimed
from contracts.steering import TerminateInstance
from contracts.workflow import BlueprintConfig
from execution.domain.decisions.advancing import advance
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.door import requested
from execution.driving.known import compile_version, version_definition
from execution.driving.records import Records
from execution.families import keeper, telling
from execution.families.lineage import child_id_of, parent_of
from execution.middleware import family
from execution.pipeline import Pipeline
from tests.execution.families import DOUBLES, WAITS, calling, cancel, child_of, reaches, send_go
from tests.support.builders import ALICE, a_graph, a_node, an_execution
from tests.support.eventually import eventually
from tests.support.mill import Mill, milling

CALL, DEFAULTS = Visit("call", 1), BlueprintConfig()


def silent(pipeline: Pipeline) -> Pipeline:
    """As if every worker died before it could tell anybody of its family."""
    return pipeline.without(family)


@pytest.fixture
async def forgetful(
    execution_dsn: str, nats_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mill]:
    """A worker whose instances tell their families nothing; what mends families looks more often than in earnest."""
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(telling, "GRACE_SECONDS", 0.1)
    async with milling(execution_dsn, nats_url, namespace, silent) as at:
        yield at


async def begun(mill: Mill, child: BlueprintReference) -> tuple[UUID, UUID]:
    """A parent that waits for its child; their ids."""
    answer = await mill.execute(await mill.know(calling(child)), wait=0)
    child_id = await child_of(mill, answer.instance_id)
    await reaches(mill, answer.instance_id, "waiting")
    return answer.instance_id, child_id


async def test_both_outlast_a_restart(execution_dsn: str, nats_url: str, namespace: str) -> None:
    async with milling(execution_dsn, nats_url, namespace) as first:
        parent_id, child_id = await begun(first, await first.know(WAITS))
    async with milling(execution_dsn, nats_url, namespace) as second:
        await send_go(second, child_id)
        assert (await reaches(second, parent_id, "completed")).output == {"call": "gone"}


async def test_a_child_that_is_taken_over_from_a_dead_worker_still_answers(mill: Mill) -> None:
    naps = a_graph("start -> nap", a_node("nap", "tool", name="sleep", arguments={"seconds": 0.4}))
    parent_id, child_id = await begun(mill, await mill.know(naps))
    records = Records(mill.runtime.store)
    turn = Turn(await records.load(child_id), clock.now())
    turn.record(InstanceClaimed, worker_id=new_id(), epoch=turn.instance.epoch + 1)
    await records.append(turn.events)

    assert (await reaches(mill, parent_id, "completed")).output == {"call": {"nap": {"seconds": 0.4}}}
    assert (await mill.told(child_id)).count("InstanceClaimed") == 2
    assert (await mill.told(parent_id)).count("ChildEnded") == 1


async def test_a_child_whose_parent_died_after_asking_for_it_is_found_again(mill: Mill) -> None:
    """The request is in the ledger, and the parent does not know yet: it asks again and starts no second one."""
    records, worker_id = Records(mill.runtime.store), new_id()
    child = await mill.know(DOUBLES)
    graph = calling(child, input={"n": 5})
    command = an_execution(await mill.know(graph))
    version = compile_version(version_definition(graph, DEFAULTS))
    parent = Turn(Instance(command.instance_id, version.graph), clock.now())
    parent.take(requested(command, DEFAULTS, parent.now, worker_id))
    advance(parent)
    asked = an_execution(child, {"n": 100}, instance_id=child_id_of(command.instance_id, CALL, 1))
    request = requested(asked, DEFAULTS, parent.now, None)
    lineage = parent_of(parent.instance, CALL, detached=False)
    await records.append([request.model_copy(update={"parent": lineage})])
    await records.append(parent.events)

    assert (await reaches(mill, command.instance_id, "completed")).output == {"call": 200}
    started = [fact for fact in await mill.facts(command.instance_id) if isinstance(fact, ChildStarted)]
    assert [fact.child_id for fact in started] == [asked.instance_id]


async def test_a_parent_that_nobody_told_hears_of_the_end(forgetful: Mill) -> None:
    parent_id, child_id = await begun(forgetful, await forgetful.know(WAITS))
    await send_go(forgetful, child_id)
    assert (await reaches(forgetful, parent_id, "completed", 20)).output == {"call": "gone"}


@pytest.mark.parametrize(("give_up", "ends_as"), [(CancelInstance, "cancelled"), (TerminateInstance, "terminated")])
async def test_a_child_that_nobody_told_does_not_outlive_its_parent(
    forgetful: Mill, give_up: type[CancelInstance | TerminateInstance], ends_as: str
) -> None:
    parent_id, child_id = await begun(forgetful, await forgetful.know(WAITS))
    await forgetful.runtime.bus.ask_for(give_up(caller=ALICE, instance_id=parent_id))
    await reaches(forgetful, child_id, ends_as, 20)


async def test_a_child_that_was_given_up_hears_of_it_from_the_next_worker(
    execution_dsn: str, nats_url: str, namespace: str
) -> None:
    async with milling(execution_dsn, nats_url, namespace, silent) as first:
        graph = calling(
            await first.know(WAITS),
            "call -> go on timeout",
            "call -> fine",
            a_node("go", "signal", name="go"),
            timeout_seconds=0.3,
        )
        answer = await first.execute(await first.know(graph), wait=0)
        child_id = await child_of(first, answer.instance_id)
        await eventually(lambda: caught(first, answer.instance_id))
    async with milling(execution_dsn, nats_url, namespace) as second:
        assert (await second.instance(child_id)).status == "waiting"
        await send_go(second, answer.instance_id)
        await reaches(second, child_id, "cancelled")
        assert (await reaches(second, answer.instance_id, "completed")).output == {"go": None}


async def caught(mill: Mill, instance_id: UUID) -> bool:
    return "WaitStarted" in await mill.told(instance_id)


async def test_a_child_that_is_let_in_after_its_parent_gave_up_is_given_up_too(mill: Mill) -> None:
    """Its request is on its way, held up by a slow table, while the parent is cancelled."""
    blueprint = await mill.know(calling(await mill.know(WAITS)))
    async with mill.runtime.pool.acquire() as slow, slow.transaction():
        await slow.execute("LOCK TABLE known_blueprints IN ACCESS EXCLUSIVE MODE")
        answer = await mill.execute(blueprint, wait=0)
        await eventually(lambda: mill.told(answer.instance_id))
        await cancel(mill, answer.instance_id)
        await reaches(mill, answer.instance_id, "cancelled")
    child_id = child_id_of(answer.instance_id, CALL, 1)
    await eventually(lambda: mill.told(child_id))
    await reaches(mill, child_id, "cancelled")


async def test_one_slot_is_enough_for_a_whole_family(execution_dsn: str, nats_url: str, namespace: str) -> None:
    async with milling(execution_dsn, nats_url, namespace, slots=1) as mill:
        blueprint = await mill.know(DOUBLES)
        for _ in range(4):
            blueprint = await mill.know(calling(blueprint, input={"n": 1}))
        answer = await mill.execute(blueprint)
        assert answer.output == {"call": {"call": {"call": {"call": 2}}}}


async def test_two_workers_share_a_family(execution_dsn: str, nats_url: str, namespace: str) -> None:
    async with milling(execution_dsn, nats_url, namespace) as one, milling(execution_dsn, nats_url, namespace):
        call = {"blueprint_id": str((await one.know(DOUBLES)).id), "input": {"n": "${ item }"}}
        graph = a_graph(a_node("each", "map", items="${ input }", blueprint=call), "start -> each")
        answer = await one.execute(await one.know(graph), list(range(40)))
        assert answer.output["each"]["succeeded"] == 40
        told = [fact.child_id for fact in await one.facts(answer.instance_id) if isinstance(fact, ChildEnded)]
        assert len(told) == len(set(told)) == 40
