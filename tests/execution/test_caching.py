"""Answers from memory on the real stack: worked out once for all who ask, cleared, and what they save."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contracts import instance_events as facts
from contracts.caching import CacheView, InvalidateCache
from contracts.execution import ExecutionView
from contracts.message import Caller
from contracts.refusal import Forbidden, Invalid, Missing
from contracts.workflow import Node, WorkflowGraph
from tests.support.builders import ALICE, BOB, a_graph, a_node
from tests.support.mill import Mill

KEPT = {"ttl_seconds": 60}


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return tmp_path / "paper"


def lines(paper: Path) -> int:
    """How often the work was really done."""
    return len(paper.read_text().splitlines()) if paper.exists() else 0


def writing(paper: Path, text: str = "done", **policies: Any) -> Node:
    """A node that leaves a line wherever it really runs."""
    return a_node("write", "tool", name="append_line", arguments={"path": str(paper), "text": text}, **policies)


def slowly(paper: Path) -> WorkflowGraph:
    return a_graph("start -> nap", "nap -> write", a_node("nap", "delay", seconds=0.3), writing(paper))


async def together(mill: Mill, graph: WorkflowGraph, times: int = 5, **config: Any) -> list[ExecutionView]:
    blueprint = await mill.know(graph, **config)
    return await asyncio.gather(*(mill.execute(blueprint, {"n": 1}) for _ in range(times)))


class TestOneWorksItOut:
    async def test_runs_that_ask_the_same_at_once_are_one_piece_of_work(self, mill: Mill, paper: Path) -> None:
        answers = await together(mill, slowly(paper), cache=KEPT)
        assert {answer.status for answer in answers} == {"completed"}
        assert len({str(answer.output) for answer in answers}) == 1
        assert lines(paper) == 1

    async def test_so_are_nodes(self, mill: Mill, paper: Path) -> None:
        nap = a_node("nap", "tool", name="sleep", arguments={"seconds": 0.3}, cache=KEPT)
        answers = await together(mill, a_graph("start -> nap", nap))
        told = [await mill.told(answer.instance_id) for answer in answers]
        assert sum("CacheMissed" in names for names in told) == 1
        assert sum("CacheAwaited" in names and "CacheHit" in names for names in told) == 4

    async def test_so_are_the_items_of_one_map(self, mill: Mill, paper: Path) -> None:
        body = a_graph("begin -> write", a_node("begin", "start"), writing(paper, cache=KEPT), start="begin")
        each = a_node("each", "map", items=[1, 2, 3], body=body.model_dump(mode="json"))
        answer = await mill.execute(await mill.know(a_graph("start -> each", each)))
        assert answer.status == "completed"
        assert lines(paper) == 1

    async def test_what_is_over_in_the_same_breath_is_not_looked_up(self, mill: Mill) -> None:
        body = a_graph("begin -> nap", a_node("begin", "start"), a_node("nap", "delay", seconds=0), start="begin")
        each = a_node("each", "map", items=[1, 2], body=body.model_dump(mode="json"))
        answer = await mill.execute(await mill.know(a_graph("start -> each", each)))
        assert answer.status == "completed"

    async def test_who_waits_for_one_that_fails_tries_alone(self, mill: Mill) -> None:
        failing = a_node("nap", "tool", name="fail", cache=KEPT)
        answers = await together(mill, a_graph("start -> nap", failing), times=3)
        assert {answer.status for answer in answers} == {"failed"}
        for answer in answers:
            assert "CacheHit" not in await mill.told(answer.instance_id)

    async def test_runs_that_wait_for_one_that_fails_run_themselves(self, mill: Mill) -> None:
        graph = a_graph(
            "start -> nap", "nap -> no", a_node("nap", "delay", seconds=0.2), a_node("no", "tool", name="fail")
        )
        answers = await together(mill, graph, times=3, cache=KEPT)
        assert {answer.status for answer in answers} == {"failed"}


class TestWhatIsKept:
    async def test_a_key_says_what_the_answer_depends_on(self, mill: Mill, paper: Path) -> None:
        blueprint = await mill.know(a_graph("start -> write", writing(paper)), cache=KEPT | {"key": "input.id"})
        for words in ({"id": 1, "at": "noon"}, {"id": 1, "at": "night"}, {"id": 2}):
            await mill.execute(blueprint, words)
        assert lines(paper) == 2

    async def test_so_does_a_nodes_key(self, mill: Mill, paper: Path) -> None:
        node = writing(paper, "${ input.text }", cache=KEPT | {"key": "input.id"})
        blueprint = await mill.know(a_graph("start -> write", node))
        for words in ({"id": 1, "text": "a"}, {"id": 1, "text": "b"}):
            await mill.execute(blueprint, words)
        assert lines(paper) == 1

    async def test_a_run_whose_key_has_no_value_is_turned_away(self, mill: Mill, paper: Path) -> None:
        blueprint = await mill.know(slowly(paper), cache=KEPT | {"key": "input.id"})
        with pytest.raises(Invalid) as refused:
            await mill.execute(blueprint, {})
        assert "input.id" in refused.value.errors[0].message

    async def test_a_node_whose_key_has_no_value_fails(self, mill: Mill, paper: Path) -> None:
        blueprint = await mill.know(a_graph("start -> write", writing(paper, cache=KEPT | {"key": "input.id"})))
        answer = await mill.execute(blueprint, {})
        assert answer.error is not None
        assert (answer.error.code, answer.error.node_id) == ("expression_failed", "write")

    async def test_a_fallback_is_no_answer(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> a", a_node("a", "tool", name="fail", fallback=1, cache=KEPT)))
        answers = [await mill.execute(blueprint) for _ in range(2)]
        assert [answer.output for answer in answers] == [{"a": 1}] * 2
        assert "CacheHit" not in await mill.told(answers[1].instance_id)

    async def test_each_owner_has_a_memory_unless_the_team_shares_one(self, mill: Mill, paper: Path) -> None:
        boris = Caller(user_id="boris", teams=("mill",))
        for scope, written in (("owner", 2), ("team", 3)):
            blueprint = await mill.know(a_graph("start -> write", writing(paper)), cache=KEPT | {"scope": scope})
            await mill.execute(blueprint, 1)
            await mill.execute(blueprint, 1, caller=boris)
            assert lines(paper) == written

    async def test_a_hit_says_what_it_saved(self, mill: Mill) -> None:
        nap = a_node("nap", "tool", name="sleep", arguments={"seconds": 0.1}, cache=KEPT)
        blueprint = await mill.know(a_graph("start -> nap", nap))
        first, second = [await mill.execute(blueprint) for _ in range(2)]
        hit = next(fact for fact in await mill.facts(second.instance_id) if isinstance(fact, facts.CacheHit))
        assert (hit.answered_by, hit.node_id) == (first.instance_id, "nap")
        assert hit.saved_ms >= 100


class TestClearing:
    async def cleared(self, mill: Mill, blueprint: Any, caller: Caller = ALICE, node_id: str | None = None) -> int:
        command = InvalidateCache(caller=caller, blueprint=blueprint, node_id=node_id)
        answer = await mill.runtime.bus.ask_for(command)
        assert isinstance(answer, CacheView)
        return answer.forgotten

    async def test_what_was_remembered_is_worked_out_again(self, mill: Mill, paper: Path) -> None:
        blueprint = await mill.know(a_graph("start -> write", writing(paper)), cache=KEPT)
        await mill.execute(blueprint, 1)
        assert await self.cleared(mill, blueprint) == 1
        await mill.execute(blueprint, 1)
        assert lines(paper) == 2
        assert await self.cleared(mill, blueprint, node_id="write") == 0

    async def test_only_the_owner_and_the_team_may(self, mill: Mill, paper: Path) -> None:
        blueprint = await mill.know(a_graph("start -> write", writing(paper)), cache=KEPT)
        with pytest.raises(Missing):
            await self.cleared(mill, blueprint, BOB)
        with pytest.raises(Forbidden):
            await self.cleared(mill, blueprint.model_copy(update={"visibility": "public"}), BOB)
