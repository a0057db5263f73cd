"""Instances that start instances, on the real stack."""

from typing import Any

import pytest

from chassis.ids import new_id
from contracts.execution import RunError
from contracts.instance_events import InstanceCancelRequested
from contracts.steering import LineageView, RetryInstance, TerminateInstance
from contracts.workflow import MAX_CHILD_DEPTH
from execution.families.telling import lineage
from tests.execution.families import DOUBLES, WAITS, calling, calls, cancel, child_of, reaches, request_of, send_go
from tests.support.builders import ALICE, a_graph, a_node, a_reference
from tests.support.eventually import eventually
from tests.support.mill import Mill

NEEDS_N = {"type": "object", "required": ["n"]}


async def error_of(mill: Mill, graph: Any, input: Any = None) -> RunError:
    """Why a run of this graph fails."""
    answer = await mill.execute(await mill.know(graph), input)
    assert (answer.status, answer.error) == ("failed", answer.error), answer
    assert answer.error is not None
    return answer.error


class TestABlueprintNode:
    async def test_answers_with_what_the_other_blueprint_answers(self, mill: Mill) -> None:
        parent = calling(await mill.know(DOUBLES), input={"n": "${ input.n }"})
        assert (await mill.execute(await mill.know(parent), {"n": 21})).output == {"call": 42}

    async def test_hands_on_whose_run_it_is(self, mill: Mill) -> None:
        parent = await mill.know(calling(await mill.know(DOUBLES), input={"n": 1}))
        answer = await mill.execute(parent)
        child = await request_of(mill, await child_of(mill, answer.instance_id))
        above = await request_of(mill, answer.instance_id)
        assert child.parent is not None
        assert (child.parent.instance_id, child.parent.node_id, child.parent.depth) == (answer.instance_id, "call", 1)
        assert (child.user_id, child.team_id, child.metadata) == (above.user_id, above.team_id, above.metadata)

    async def test_takes_the_latest_version_unless_one_is_named(self, mill: Mill) -> None:
        first = await mill.know(DOUBLES)
        second = first.model_copy(update={"version": 2, "latest_version": 2})
        await mill.meet(second, a_graph("start -> end", a_node("end", "end", output="second")))
        graph = a_graph(
            calls(first, "pinned", version=1, input={"n": 2}),
            calls(first, "latest"),
            "start -> pinned",
            "start -> latest",
        )
        assert (await mill.execute(await mill.know(graph))).output == {"pinned": 4, "latest": "second"}

    async def test_fails_as_the_child_failed(self, mill: Mill) -> None:
        broken = await mill.know(
            a_graph("start -> work", a_node("work", "tool", name="fail", arguments={"message": "Ow"}))
        )
        error = await error_of(mill, calling(broken))
        assert (error.type, error.code, error.node_id) == ("permanent", "child_failed", "call")
        assert "Ow" in error.message

    async def test_that_waits_for_nobody_goes_on_at_once(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(calling(await mill.know(WAITS), wait=False)))
        child_id = await child_of(mill, answer.instance_id)
        assert answer.output == {"call": {"instance_id": str(child_id)}}
        await send_go(mill, child_id)
        assert (await reaches(mill, child_id, "completed")).output == "gone"
        assert "ChildEnded" not in await mill.told(answer.instance_id)

    async def test_inside_a_map_runs_the_blueprint_for_every_item(self, mill: Mill) -> None:
        call = {"blueprint_id": str((await mill.know(DOUBLES)).id), "input": {"n": "${ item }"}}
        graph = a_graph(a_node("each", "map", items="${ input }", blueprint=call, max_concurrency=4), "start -> each")
        answer = await mill.execute(await mill.know(graph), list(range(12)))
        assert answer.output["each"]["results"] == [2 * n for n in range(12)]

    async def test_can_be_remembered_like_any_other(self, mill: Mill) -> None:
        graph = calling(await mill.know(DOUBLES), input={"n": 4}, cache={"ttl_seconds": 60})
        blueprint = await mill.know(graph)
        first, second = await mill.execute(blueprint), await mill.execute(blueprint)
        assert first.output == second.output == {"call": 8}
        assert "ChildStarted" not in await mill.told(second.instance_id)


class TestTheDoor:
    async def test_lets_nobody_run_what_they_may_not_see(self, mill: Mill) -> None:
        hidden = a_reference(owner_id="bob", visibility="private")
        await mill.meet(hidden, DOUBLES)
        error = await error_of(mill, calling(hidden, input={"n": 1}))
        assert (error.type, error.code) == ("permanent", "blueprint_not_found")

    async def test_runs_nothing_that_is_archived(self, mill: Mill) -> None:
        gone = a_reference(archived=True)
        await mill.meet(gone, DOUBLES)
        assert (await error_of(mill, calling(gone))).code == "archived"

    @pytest.mark.parametrize(
        ("config", "code"),
        [
            ({"blueprint_id": "no id"}, "bad_blueprint_id"),
            ({"blueprint_id": str(new_id())}, "blueprint_not_found"),
            ({"version": 7}, "version_not_found"),
        ],
    )
    async def test_says_what_is_not_there(self, mill: Mill, config: dict[str, Any], code: str) -> None:
        known = await mill.know(DOUBLES)
        graph = a_graph(a_node("call", "blueprint", **{"blueprint_id": str(known.id), **config}), "start -> call")
        error = await error_of(mill, graph)
        assert (error.type, error.code) == ("permanent", code)

    async def test_tells_what_is_wrong_with_the_input(self, mill: Mill) -> None:
        error = await error_of(mill, calling(await mill.know(DOUBLES, input_schema=NEEDS_N), input={}))
        assert (error.type, error.code) == ("permanent", "invalid_input")
        assert "'n'" in error.message or '"n"' in error.message, error.message

    async def test_is_as_strict_about_rates(self, mill: Mill) -> None:
        limited = await mill.know(DOUBLES, rate_limit={"limit": 1, "per_seconds": 3600})
        graph = calling(limited, calls(limited, "again", input={"n": 2}), "call -> again", input={"n": 1})
        error = await error_of(mill, graph)
        assert (error.node_id, error.type) == ("again", "transient")

    async def test_lets_instances_start_instances_only_so_deep(self, mill: Mill) -> None:
        deep = a_reference(id=new_id(), position=0)
        await mill.meet(deep, calling(deep))
        answer = await mill.execute(deep)
        assert answer.error is not None
        assert str(MAX_CHILD_DEPTH) in answer.error.message
        rows = await mill.runtime.pool.fetchval("SELECT count(DISTINCT originator_id) FROM events")
        assert rows == MAX_CHILD_DEPTH + 1


class TestGivingUp:
    async def waiting(self, mill: Mill, **config: Any) -> tuple[Any, Any]:
        """A parent that waits for a child that waits for a signal; their ids."""
        graph = calling(await mill.know(WAITS), "call -> fine", **config)
        answer = await mill.execute(await mill.know(graph), wait=0)
        child_id = await child_of(mill, answer.instance_id)
        await reaches(mill, child_id, "waiting")
        return answer.instance_id, child_id

    async def test_a_cancelled_parent_takes_its_child_along(self, mill: Mill) -> None:
        parent_id, child_id = await self.waiting(mill)
        await cancel(mill, parent_id)
        await reaches(mill, child_id, "cancelled")
        asked = [fact.by for fact in await mill.facts(child_id) if isinstance(fact, InstanceCancelRequested)]
        assert asked == ["parent"]
        assert (await mill.instance(parent_id)).status == "cancelled"

    async def test_a_terminated_parent_takes_its_child_along_at_once(self, mill: Mill) -> None:
        parent_id, child_id = await self.waiting(mill)
        await mill.runtime.bus.ask_for(TerminateInstance(caller=ALICE, instance_id=parent_id))
        await reaches(mill, child_id, "terminated")

    async def test_a_child_undoes_what_it_did(self, mill: Mill) -> None:
        undoes = a_graph(
            "start -> seat",
            "seat -> go",
            a_node("seat", "tool", compensate="free"),
            a_node("free", "tool"),
            a_node("go", "signal", name="go"),
        )
        answer = await mill.execute(await mill.know(calling(await mill.know(undoes))), wait=0)
        child_id = await child_of(mill, answer.instance_id)
        await reaches(mill, child_id, "waiting")
        await cancel(mill, answer.instance_id)
        await reaches(mill, child_id, "cancelled")
        assert "CompensationBegun" in await mill.told(child_id)

    async def test_a_child_that_takes_too_long_is_given_up(self, mill: Mill) -> None:
        parent_id, child_id = await self.waiting(mill, timeout_seconds=0.3)
        parent = await reaches(mill, parent_id, "failed")
        assert parent.error is not None
        assert parent.error.code == "node_timeout"
        await reaches(mill, child_id, "cancelled")

    async def test_a_child_that_is_not_waited_for_outlives_its_parent(self, mill: Mill) -> None:
        graph = calling(await mill.know(WAITS), "call -> go", a_node("go", "signal", name="go"), wait=False)
        answer = await mill.execute(await mill.know(graph), wait=0)
        child_id = await child_of(mill, answer.instance_id)
        await reaches(mill, answer.instance_id, "waiting")
        await cancel(mill, answer.instance_id)
        await send_go(mill, child_id)
        await reaches(mill, child_id, "completed")


async def test_a_lineage_goes_both_ways(mill: Mill) -> None:
    inner = await mill.know(DOUBLES)
    middle = await mill.know(calling(inner, input={"n": 3}))
    answer = await mill.execute(await mill.know(calling(middle)))
    middle_id = await child_of(mill, answer.instance_id)

    async def whole() -> LineageView | None:
        found = await lineage(mill.runtime.pool, middle_id, ALICE)
        return found if found is not None and found.children else None

    found = await eventually(whole)
    assert found is not None
    assert found.parent is not None
    assert (found.root_id, found.parent.instance_id) == (answer.instance_id, answer.instance_id)
    assert [child.blueprint_id for child in found.children] == [inner.id]


async def test_a_child_that_is_retried_later_is_on_its_own(mill: Mill) -> None:
    """Its parent keeps the first answer; that it has ended is no reason to stop the child again."""
    shaky = await mill.know(
        a_graph("start -> work", a_node("work", "tool", name="fail", arguments={"times": 1, "error_type": "permanent"}))
    )
    answer = await mill.execute(await mill.know(calling(shaky)))
    child_id = await child_of(mill, answer.instance_id)
    await mill.runtime.bus.ask_for(RetryInstance(caller=ALICE, instance_id=child_id))
    await reaches(mill, child_id, "completed")
    assert (await mill.told(answer.instance_id)).count("ChildEnded") == 1
    assert (await mill.instance(answer.instance_id)).status == "failed"
