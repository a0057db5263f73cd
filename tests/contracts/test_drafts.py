"""A body out of shape is judged as a graph too, as far as it can be read: every problem at once, and no noise."""

from typing import Any

import pytest

from chassis.language import CEL
from contracts.blueprint import BlueprintBody
from contracts.drafts import all_problems
from contracts.graph_rules import problems_of
from contracts.refusal import Malformed, Problem
from contracts.workflow import WorkflowGraph

START = {"id": "start", "type": "start"}
WORK = {"id": "work", "type": "tool", "config": {"name": "echo"}}
LINE = [{"source": "start", "target": "work"}]

Found = dict[str, str]


def judge(body: BlueprintBody) -> tuple[Problem, ...]:
    """The rules of graphs."""
    return problems_of(WorkflowGraph.model_construct(nodes=body.nodes, edges=body.edges), body.config, CEL)


def problems(raw: Any) -> Found:
    """Pointer -> code; no place is told of twice."""
    found = all_problems(raw, judge)
    assert len({problem.pointer for problem in found}) == len(found)
    return {problem.pointer: problem.code for problem in found}


def body(*nodes: Any, edges: Any = (), **members: Any) -> dict[str, Any]:
    """A start and these nodes, each behind the start unless the edges say otherwise."""
    ids = [node["id"] for node in nodes if isinstance(node, dict) and isinstance(node.get("id"), str)]
    edges = edges or [{"source": "start", "target": id} for id in ids]
    return {"name": "draft", "nodes": [START, *nodes], "edges": edges, **members}


class TestAllProblemsAtOnce:
    def test_a_good_body_has_none(self) -> None:
        assert problems(body(WORK)) == {}

    def test_a_body_in_shape_has_those_of_its_graph(self) -> None:
        assert problems(body(WORK | {"type": "agent"})) == {"/nodes/1/type": "unknown_node_type"}

    @pytest.mark.parametrize(
        ("shape", "place", "code"),
        [
            ({"name": ""}, "/name", "too_short"),
            ({"name": 7}, "/name", "wrong_type"),
            ({"colour": "blue"}, "/colour", "unknown_member"),
            ({"tags": [1]}, "/tags/0", "wrong_type"),
            ({"visibility": "secret"}, "/visibility", "not_allowed"),
            ({"config": {"max_visits": 0}}, "/config/max_visits", "out_of_range"),
            ({"config": "fast"}, "/config", "wrong_type"),
            ({"name": "\0"}, "/name", "nul_character"),
        ],
    )
    def test_a_bad_member_beside_the_graph_hides_nothing_in_it(
        self, shape: dict[str, Any], place: str, code: str
    ) -> None:
        graph = body(
            WORK | {"type": "agent"},
            {"id": "wait", "type": "delay", "config": {"seconds": "long"}},
            edges=[*LINE, {"source": "work", "target": "wait", "condition": "1 +"}, {"source": "wait", "target": "x"}],
        )
        assert problems(graph | shape) == {
            place: code,
            "/nodes/1/type": "unknown_node_type",
            "/nodes/2/config/seconds": "wrong_type",
            "/edges/1/condition": "bad_expression",
            "/edges/2/target": "unknown_node",
        }

    def test_a_bad_member_of_the_configuration_hides_no_other(self) -> None:
        config = {"max_visits": "many", "input_schema": {"type": "text"}}
        assert problems(body(WORK, config=config)) == {
            "/config/max_visits": "wrong_type",
            "/config/input_schema/type": "bad_schema",
        }

    def test_a_bad_member_of_a_node_hides_no_other(self) -> None:
        node = {"id": "a b", "type": "agent", "position": {"x": 1}, "name": 7, "config": {"output": "${ 1 + }"}}
        assert problems(body(node)) == {
            "/nodes/1/name": "wrong_type",
            "/nodes/1/position/y": "missing",
            "/nodes/1/id": "bad_id",
            "/nodes/1/type": "unknown_node_type",
            "/nodes/1/config/output": "bad_expression",
        }

    def test_a_value_that_nobody_can_keep_hides_nothing_beside_it(self) -> None:
        raw = (
            rb'{"name":"a","nodes":[{"id":"start","type":"start"},{"id":"t","type":"tool","config":'
            rb'{"arguments":{"a":1e999,"b":"\u0000","c":"\udead"},"speed":1}}],'
            rb'"edges":[{"source":"start","target":"t"},{"source":"t","target":"x"}]}'
        )
        assert problems(raw) == {
            "/nodes/1/config/arguments/a": "out_of_range",
            "/nodes/1/config/arguments/b": "nul_character",
            "/nodes/1/config/arguments/c": "lone_surrogate",
            "/nodes/1/config/name": "missing",
            "/nodes/1/config/speed": "unknown_member",
            "/edges/1/target": "unknown_node",
        }


class TestWhatOnlyFollows:
    """What is unread may be anything, so nothing is said that it could make good."""

    def test_a_node_that_fails_in_another_member_is_known_all_the_same(self) -> None:
        node = WORK | {"config": "none", "position": 3}
        edges = [*LINE, {"source": "work", "target": "end", "condition": "nodes.work > 1"}]
        assert problems(body(node, {"id": "end", "type": "end"}, edges=edges)) == {
            "/nodes/1/config": "wrong_type",
            "/nodes/1/position": "wrong_type",
        }

    def test_a_node_without_a_readable_configuration_may_name_the_one_that_undoes_it(self) -> None:
        undo = {"id": "undo", "type": "transform", "config": {"output": "${ compensated.output }"}}
        assert problems(body(WORK | {"config": "none"}, undo, edges=LINE)) == {"/nodes/1/config": "wrong_type"}
        assert problems(body(WORK, undo, edges=LINE)) == {
            "/nodes/2": "unreachable",
            "/nodes/2/config/output": "compensated_elsewhere",
        }

    def test_edges_without_readable_ends_may_be_those_that_a_join_waits_for(self) -> None:
        join = WORK | {"config": {"name": "echo", "join": {"kind": "n_of_m", "n": 2}}}
        assert problems(body(join, edges=[*LINE, {"target": "work"}])) == {"/edges/1/source": "missing"}

    @pytest.mark.parametrize("id", [7, None, ["work"]])
    def test_a_node_without_a_readable_id_may_be_the_one_that_edges_and_expressions_name(self, id: object) -> None:
        edges = [*LINE, {"source": "start", "target": "start2", "condition": "nodes.work == 1 && input."}]
        tell = {"id": "start2", "type": "transform", "config": {"output": "${ nodes.work.x }"}}
        assert problems(body(WORK | {"id": id}, tell, edges=edges)) == {
            "/nodes/1/id": "wrong_type",
            "/edges/1/condition": "bad_expression",
        }

    def test_a_node_without_a_readable_type_may_be_the_start(self) -> None:
        document = {"name": "a", "nodes": [{"id": "start"}, WORK], "edges": LINE}
        assert problems(document) == {"/nodes/0/type": "missing"}

    def test_an_edge_without_a_readable_end_may_lead_anywhere(self) -> None:
        edges = [{"source": "start"}, {"source": "start", "target": 7}, "work"]
        assert problems(body(WORK, edges=edges)) == {
            "/edges/0/target": "missing",
            "/edges/1/target": "wrong_type",
            "/edges/2": "wrong_type",
        }

    def test_an_edge_without_a_readable_condition_still_has_one(self) -> None:
        route = {"id": "route", "type": "condition"}
        edges = [
            {"source": "start", "target": "route"},
            {"source": "route", "target": "work"},
            {"source": "route", "target": "route", "condition": 1},
            {"source": "route", "target": "route", "condition": 2},
        ]
        assert problems(body(route, WORK, edges=edges)) == {
            "/edges/2/condition": "wrong_type",
            "/edges/3/condition": "wrong_type",
        }

    @pytest.mark.parametrize("nodes", [None, "start", {}, [], [WORK] * 5_001])
    def test_without_a_list_of_nodes_edges_are_judged_by_themselves(self, nodes: object) -> None:
        found = problems({"name": "a", "nodes": nodes, "edges": [*LINE, *LINE]})
        assert set(found) == {"/nodes", "/edges/1"}
        assert found["/edges/1"] == "duplicate_edge"

    def test_without_a_list_of_edges_nodes_are_judged_by_themselves(self) -> None:
        assert problems(body(WORK | {"type": "agent"}, edges="none")) == {
            "/edges": "wrong_type",
            "/nodes/1/type": "unknown_node_type",
        }

    @pytest.mark.parametrize("document", [[], None, "x", 1])
    def test_what_is_no_object_is_only_that(self, document: object) -> None:
        assert problems(document) == {"": "wrong_type"}

    def test_where_several_nodes_are_no_objects_each_is_pointed_at(self) -> None:
        assert problems(body(7, "x", WORK)) == {"/nodes/1": "wrong_type", "/nodes/2": "wrong_type"}


def test_a_start_without_a_readable_id_is_named_by_its_place() -> None:
    again = {"id": "again", "type": "start"}
    found = all_problems({"name": "a", "nodes": [{"type": "start"}, again], "edges": []}, judge)
    sentences = {problem.pointer: problem.message for problem in found}
    assert sentences["/nodes/1/type"].startswith("`/nodes/0/id` is the start already")


def test_what_is_not_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        all_problems(b'{"name":', judge)
