"""Decisions on the real stack: who may decide, what the form must be, and that the first one counts."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from contracts.refusal import Conflict, Forbidden, Invalid, Missing, TooLarge
from contracts.workflow import MAX_VALUE_BYTES
from tests.execution.asking import CAROL, DAN, STRANGER, begun, decide, output, reaches, waits
from tests.support.builders import ALICE, a_graph, a_node
from tests.support.mill import Mill

FORM = {
    "type": "object",
    "properties": {"limit": {"type": "integer", "minimum": 1}},
    "required": ["limit"],
    "additionalProperties": False,
}


async def asked(mill: Mill, **config: Any) -> UUID:
    """A run of alice's that waits for one decision and answers with it."""
    review = a_node("review", "approval", **config)
    graph = a_graph("start -> review", "review -> end", review, a_node("end", "end", output="${ nodes.review }"))
    return await begun(mill, await mill.know(graph))


class TestWhoMayDecide:
    @pytest.mark.parametrize("caller", [ALICE, DAN])
    async def test_the_owner_and_the_team_where_nobody_is_named(self, mill: Mill, caller: Any) -> None:
        id = await asked(mill)
        await decide(mill, id, caller=caller, comment="Fine.")
        said = {"approved": True, "by": caller.user_id, "comment": "Fine.", "form": None}
        assert await output(mill, id) == said

    @pytest.mark.parametrize("approvers", [{"users": ["carol"]}, {"teams": ["finance"]}])
    async def test_whom_the_node_names_though_they_see_nothing_else(self, mill: Mill, approvers: Any) -> None:
        id = await asked(mill, approvers=approvers, title="Pay?")
        with pytest.raises(Forbidden) as refused:
            await decide(mill, id, caller=ALICE)
        assert refused.value.code == "not_an_approver"
        with pytest.raises(Missing):
            await decide(mill, id, caller=STRANGER)
        assert [wait.title for wait in (await waits(mill, id, CAROL)).items] == ["Pay?"]
        await decide(mill, id, caller=CAROL)
        assert (await output(mill, id))["by"] == "carol"

    async def test_nobody_twice(self, mill: Mill) -> None:
        id = await asked(mill, approvers={"users": ["carol"]})
        await decide(mill, id, caller=CAROL)
        await reaches(mill, id, "completed")
        for caller in (ALICE, CAROL):
            with pytest.raises(Conflict):
                await decide(mill, id, caller=caller)
        with pytest.raises(Missing):
            await waits(mill, id, CAROL)

    async def test_of_two_at_once_the_first(self, mill: Mill) -> None:
        id = await asked(mill, on_reject="continue")
        both = (decide(mill, id, approved=True), decide(mill, id, approved=False, caller=DAN))
        answers = await asyncio.gather(*both, return_exceptions=True)
        [refused] = [answer for answer in answers if isinstance(answer, Exception)]
        assert isinstance(refused, Conflict)
        assert (await mill.told(id)).count("ApprovalDecided") == 1


class TestTheForm:
    @pytest.mark.parametrize(
        ("form", "pointers"),
        [(None, ["/form/limit"]), ({"limit": 0}, ["/form/limit"]), ({"limit": 1, "x": 2}, ["/form"])],
    )
    async def test_must_be_what_was_asked_for(self, mill: Mill, form: Any, pointers: list[str]) -> None:
        id = await asked(mill, form=FORM)
        with pytest.raises(Invalid) as refused:
            await decide(mill, id, form=form)
        assert (refused.value.code, [problem.pointer for problem in refused.value.errors]) == ("form_invalid", pointers)

    async def test_is_part_of_the_answer(self, mill: Mill) -> None:
        id = await asked(mill, form=FORM)
        await decide(mill, id, form={"limit": 3})
        assert (await output(mill, id))["form"] == {"limit": 3}

    async def test_is_not_needed_to_reject(self, mill: Mill) -> None:
        id = await asked(mill, form=FORM)
        await decide(mill, id, approved=False, comment="No.")
        await reaches(mill, id, "failed")
        error = (await mill.instance(id)).error
        assert error is not None
        assert (error.type, error.node_id) == ("rejected", "review")

    async def test_has_a_size(self, mill: Mill) -> None:
        id = await asked(mill)
        with pytest.raises(TooLarge):
            await decide(mill, id, form={"x": "x" * MAX_VALUE_BYTES})


class TestSeveralApprovals:
    async def test_are_told_apart_by_their_node(self, mill: Mill) -> None:
        one, two = a_node("one", "approval"), a_node("two", "approval", approvers={"users": ["alice"]})
        id = await begun(mill, await mill.know(a_graph("start -> one", "start -> two", one, two)))
        with pytest.raises(Conflict, match="one, two") as refused:
            await decide(mill, id)
        assert refused.value.code == "several_approvals"
        await decide(mill, id, node_id="one")
        await decide(mill, id, node_id="two")
        assert {node: said["by"] for node, said in (await output(mill, id)).items()} == {"one": "alice", "two": "alice"}

    async def test_need_no_name_from_one_who_may_decide_only_one(self, mill: Mill) -> None:
        one, two = a_node("one", "approval"), a_node("two", "approval", approvers={"users": ["carol"]})
        id = await begun(mill, await mill.know(a_graph("start -> one", "start -> two", one, two)))
        await decide(mill, id, caller=CAROL)
        await decide(mill, id, caller=DAN)
        assert (await output(mill, id))["two"]["by"] == "carol"

    async def test_a_node_that_asks_nothing_is_named(self, mill: Mill) -> None:
        id = await asked(mill)
        with pytest.raises(Conflict, match="'end'") as refused:
            await decide(mill, id, node_id="end")
        assert refused.value.code == "no_open_approval"


async def test_a_decision_ends_a_race(mill: Mill) -> None:
    race = a_node("wait", "race", waits={"boss": {"approval": {}}, "paid": {"signal": "paid"}, "late": {"seconds": 60}})
    id = await begun(mill, await mill.know(a_graph("start -> wait", race)))
    shown = {(wait.label, wait.kind, wait.name, wait.due_at is None) for wait in (await waits(mill, id)).items}
    assert shown == {("boss", "approval", None, True), ("paid", "signal", "paid", True), ("late", "time", None, False)}
    await decide(mill, id)
    assert (await output(mill, id))["wait"]["winner"] == "boss"
