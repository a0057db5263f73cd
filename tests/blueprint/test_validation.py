"""A dry run and a creation give the same list: every problem at once, each with its place, nothing written."""

from typing import Any

import pytest

from chassis.ids import new_id
from contracts.blueprint import BlueprintBody, CreateBlueprint, ValidateBlueprint
from contracts.refusal import Invalid, Unavailable
from tests.blueprint.shelf import ANN, a_body
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
