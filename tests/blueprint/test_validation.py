"""A dry run and a creation give the same list: every problem at once, each with its place, nothing written."""

import json
from typing import Any

import pytest

from chassis.ids import new_id
from contracts.blueprint import BlueprintBody, CreateBlueprint, ValidateBlueprint, ValidateText
from contracts.refusal import Conflict, Forbidden, Invalid, Missing, PreconditionFailed, Unavailable
from tests.blueprint.shelf import ANN, BEN, EVE, a_body
from tests.support.eventually import eventually

A_BAD_BODY: dict[str, Any] = {
    "visibility": "team",
    "team_id": "red",
    "config": {"input_schema": {"type": "nonsense"}},
    "nodes": [
        {"id": "begin", "type": "start"},
        {"id": "guess", "type": "divination"},
        {"id": "say", "type": "transform", "config": {"output": "${ input. }"}},
        {"id": "island", "type": "transform", "config": {"output": 1}},
        {"id": "null", "type": "transform", "config": {"output": "a\x00b"}},
    ],
    "edges": [
        {"source": "begin", "target": "guess"},
        {"source": "begin", "target": "say", "condition": "input.x +"},
        {"source": "begin", "target": "null"},
        {"source": "say", "target": "nowhere"},
    ],
}


async def test_all_problems_come_at_once_with_their_places(desk):
    found = await desk.ask(ValidateBlueprint(caller=ANN, body=a_body(**A_BAD_BODY)))

    assert not found.valid
    assert {problem.pointer for problem in found.problems} >= {
        "/nodes/1/type",
        "/nodes/2/config/output",
        "/nodes/3",
        "/nodes/4/config/output",
        "/edges/1/condition",
        "/edges/3/target",
        "/config/input_schema/type",
        "/team_id",
    }
    assert all(problem.message.endswith(".") for problem in found.problems), found.problems


async def test_a_creation_is_refused_with_what_the_dry_run_says(desk):
    body = a_body(**A_BAD_BODY)
    head = await desk.head()
    dry = await desk.ask(ValidateBlueprint(caller=ANN, body=body))

    with pytest.raises(Invalid) as refused:
        await desk.ask(CreateBlueprint(caller=ANN, blueprint_id=new_id(), body=body))

    assert refused.value.errors == dry.problems
    assert await desk.head() == head


async def test_an_update_is_refused_with_all_its_problems(desk):
    id = (await desk.create()).id

    with pytest.raises(Invalid) as refused:
        await desk.update(id, **A_BAD_BODY)

    assert "/team_id" in [problem.pointer for problem in refused.value.errors]
    assert len(refused.value.errors) > 5


async def test_the_name_of_a_clone_is_looked_at_too(desk):
    template = (await desk.templates()).items[0]

    with pytest.raises(Invalid) as refused:
        await desk.clone(template.id, name="a\0b")

    assert [problem.pointer for problem in refused.value.errors] == ["/name"]


async def test_a_good_body_is_valid_and_is_not_written(desk):
    head = await desk.head()

    found = await desk.ask(ValidateBlueprint(caller=ANN, body=a_body()))

    assert (found.valid, found.problems) == (True, ())
    assert await desk.head() == head


class TestABodyOutOfShape:
    """It comes as the text that was sent."""

    TEXT = json.dumps(A_BAD_BODY | {"name": 7, "tags": [""]})

    async def test_has_the_problems_of_its_graph_and_its_sharing_too(self, desk):
        head = await desk.head()

        found = await desk.ask(ValidateText(caller=ANN, text=self.TEXT))

        pointers = [problem.pointer for problem in found.problems]
        assert not found.valid
        assert {"/name", "/tags/0"} < set(pointers)
        assert len(pointers) == len(set(pointers))
        judged = await desk.ask(ValidateBlueprint(caller=ANN, body=a_body(**A_BAD_BODY)))
        assert {problem.pointer for problem in judged.problems} < set(pointers)
        assert await desk.head() == head

    async def test_that_is_in_shape_after_all_is_judged_like_any_other(self, desk):
        good = await desk.ask(ValidateText(caller=ANN, text=a_body().model_dump_json()))

        assert (good.valid, good.problems) == (True, ())

    async def test_of_an_update_may_keep_a_team_that_its_owner_has_left(self, desk):
        shared = {"visibility": "team", "team_id": "blue"}
        id = (await desk.create(**shared)).id
        gone = ANN.model_copy(update={"teams": ()})
        text = json.dumps(a_body(**shared).model_dump(mode="json") | {"name": ""})

        update = await desk.ask(ValidateText(caller=gone, text=text, blueprint_id=id))
        creation = await desk.ask(ValidateText(caller=gone, text=text))

        assert [problem.pointer for problem in update.problems] == ["/name"]
        assert [problem.pointer for problem in creation.problems] == ["/name", "/team_id"]

    async def test_of_an_update_is_no_matter_to_whoever_may_not_make_it(self, desk):
        id = (await desk.create(visibility="team", team_id="blue")).id

        for caller, if_match, refusal in ((EVE, None, Missing), (BEN, None, Forbidden), (ANN, 2, PreconditionFailed)):
            with pytest.raises(refusal):
                await desk.ask(ValidateText(caller=caller, text=self.TEXT, blueprint_id=id, if_match=if_match))
        await desk.archive(id)
        with pytest.raises(Conflict):
            await desk.ask(ValidateText(caller=ANN, text=self.TEXT, blueprint_id=id))


PATIENCE_SECONDS = 60.0
"""For the largest graph there may be, on a machine that does other things too."""


async def test_five_thousand_nodes_are_created_and_read_again(desk):
    width = 2_499
    nodes = [
        {"id": "begin", "type": "start"},
        *({"id": f"a{n}", "type": "transform", "config": {"output": f"${{ input.x + {n} }}"}} for n in range(width)),
        *({"id": f"b{n}", "type": "transform", "config": {"output": n}} for n in range(width)),
        {"id": "done", "type": "end"},
    ]
    edges = [
        *({"source": "begin", "target": f"a{n}"} for n in range(width)),
        *({"source": f"a{n}", "target": f"b{n}"} for n in range(width)),
        *({"source": f"b{n}", "target": "done"} for n in range(width)),
    ]
    body = BlueprintBody.model_validate({"name": "wide", "nodes": nodes, "edges": edges})

    command = CreateBlueprint(caller=ANN, blueprint_id=new_id(), body=body)
    created = await desk.bus.ask_for(command, PATIENCE_SECONDS)

    async def read():
        try:
            return await desk.get(created.id)
        except Unavailable:
            return None

    assert (await eventually(read, PATIENCE_SECONDS)).nodes == body.nodes
