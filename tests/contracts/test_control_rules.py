"""The rules for splits, caught errors, joins, compensation, cancellation, breaks and calls of blueprints."""

import json
from typing import Any

import pytest

from contracts.graph_shape import endless_cycles
from contracts.workflow import Edge, WorkflowGraph
from tests.support.judging import (
    END,
    LINE,
    START,
    TOOL,
    Document,
    Found,
    codes,
    holding,
    line,
    node,
    problems,
    with_edge,
    with_node,
)


def split(kind: str | None, *conditions: str | None, node_type: str = "transform") -> Found:
    """A node that splits over as many ends as there are conditions."""
    source = node("fork", node_type, **({"split": kind} if kind else {}))
    ends = [node(f"e{n}", "end") for n in range(len(conditions))]
    edges = [{"source": "fork", "target": f"e{n}", "condition": text} for n, text in enumerate(conditions)]
    return problems([START, source, *ends], [{"source": "start", "target": "fork"}, *edges])


class TestSplits:
    @pytest.mark.parametrize("kind", ["exclusive", "inclusive"])
    def test_that_choose_have_one_default(self, kind: str) -> None:
        assert split(kind, "input.a", None) == {}
        assert codes(split(kind, "input.a", None, None)) == {"/edges/3": "several_defaults"}

    def test_in_parallel_have_no_conditions(self) -> None:
        sentence = (
            '`fork` splits in parallel and takes every edge: leave the condition out, or make the split "inclusive".'
        )
        found = split("parallel", None, "input.a")
        assert found == {"/edges/2/condition": ("conditional_parallel", sentence)}

    def test_of_a_condition_node_are_exclusive_unless_told(self) -> None:
        assert codes(split(None, None, None, node_type="condition")) == {"/edges/2": "several_defaults"}
        assert split("parallel", None, None, node_type="condition") == {}

    def test_unless_told_take_whatever_holds(self) -> None:
        assert split(None, None, None, "input.a") == {}


class TestErrorEdges:
    def test_lead_from_a_node_that_can_fail(self) -> None:
        assert with_edge(source="work", target="end", on_error="any") == {}
        assert with_edge(source="work", target="end", on_error=["timeout"], condition='error.code == "slow"') == {}

    @pytest.mark.parametrize(
        ("written", "caught"),
        [
            ("any", "any"),
            (True, "any"),
            ("timeout", ("timeout",)),
            (["timeout", "rejected"], ("timeout", "rejected")),
            (None, None),
        ],
    )
    def test_name_one_type_several_or_any(self, written: Any, caught: Any) -> None:
        sent = json.dumps({"source": "a", "target": "b", "on_error": written})
        edge = Edge.model_validate_json(sent, strict=True)
        assert edge.on_error == caught
        assert Edge.model_validate_json(edge.model_dump_json(), strict=True) == edge

    def test_do_not_lead_from_a_start_or_an_end(self) -> None:
        assert codes(with_edge(source="start", target="end", on_error="any")) == {
            "/edges/2/on_error": "catches_nothing"
        }
        assert codes(with_edge(source="end", target="work", on_error="any"))["/edges/2/source"] == "edge_out_of_end"

    def test_catch_something(self) -> None:
        found = with_edge(source="work", target="end", on_error=[])
        kinds = "transient, permanent, timeout, cancelled, rejected"
        sentence = f'This edge would catch nothing: name error types ({kinds}), or "any", or leave `on_error` out.'
        assert found == {"/edges/2/on_error": ("catches_nothing", sentence)}

    def test_are_no_default_and_bear_conditions_beside_a_parallel_split(self) -> None:
        route = node("work", "condition")
        ways = [*LINE, {"source": "work", "target": "end", "on_error": "any"}]
        assert problems([START, route, END], ways) == {}
        fork = {**TOOL, "config": {"name": "echo", "split": "parallel"}}
        ways[2] = {"source": "work", "target": "end", "on_error": "any", "condition": "error.type == 'timeout'"}
        assert problems([START, fork, END], ways) == {}

    def test_are_duplicates_when_they_catch_the_same(self) -> None:
        ways: list[Document] = [
            {"source": "work", "target": "end", "on_error": kinds} for kinds in ("any", ["timeout"])
        ]
        assert problems([START, TOOL, END], [*LINE, *ways]) == {}
        again = {"source": "work", "target": "end", "on_error": "timeout"}
        assert codes(problems([START, TOOL, END], [*LINE, *ways, again])) == {"/edges/4": "duplicate_edge"}

    def test_lead_to_nodes_that_nothing_else_reaches(self) -> None:
        ways = [*LINE, {"source": "work", "target": "rescue", "on_error": "any"}]
        assert problems([START, TOOL, END, node("rescue")], ways) == {}

    def test_may_lead_back_for_they_are_not_always_taken(self) -> None:
        assert with_edge(source="work", target="work", on_error="transient") == {}

    def test_do_not_make_a_condition_choose(self) -> None:
        edges: list[Document] = [
            {"source": "s", "target": "c"},
            {"source": "c", "target": "c"},
            {"source": "c", "target": "e", "on_error": "any"},
        ]
        nodes = [node("s", "start"), node("c", "condition"), node("e", "end")]
        graph = WorkflowGraph.model_validate({"nodes": nodes, "edges": edges})
        assert endless_cycles(graph) == (("c",),)


class TestJoins:
    def test_wait_for_no_more_edges_than_there_are(self) -> None:
        found = with_node(node("work", join={"kind": "n_of_m", "n": 2}))
        sentence = "`work` waits for 2, and 1 edge leads there (those that go back aside)."
        assert found == {"/nodes/1/config/join/n": ("join_beyond_edges", sentence)}

    def test_do_not_wait_for_edges_that_go_back(self) -> None:
        again = {"source": "work", "target": "work", "condition": "nodes.work > 1"}
        work = node("work", join={"kind": "n_of_m", "n": 2})
        assert codes(problems([START, work, END], [*LINE, again])) == {"/nodes/1/config/join/n": "join_beyond_edges"}

    def test_may_count_caught_errors(self) -> None:
        rescue = node("end", "end", join={"kind": "n_of_m", "n": 2})
        way = {"source": "work", "target": "end", "on_error": "any"}
        assert problems([START, TOOL, rescue], [*LINE, way]) == {}

    @pytest.mark.parametrize("join", ["all", {"kind": "any"}])
    def test_are_not_for_a_start(self, join: Any) -> None:
        assert codes(problems([node("s", "start", join=join)], [])) == {"/nodes/0/config/join": "join_on_start"}

    def test_for_each_token_have_no_rest(self) -> None:
        found = with_node(node("work", join={"kind": "each", "cancel_rest": True}))
        assert codes(found) == {"/nodes/1/config/join/cancel_rest": "nothing_to_cancel"}
        assert with_node(node("work", join={"kind": "any", "cancel_rest": True})) == {}


class TestCompensation:
    def test_is_a_node_beside_the_graph(self) -> None:
        undo = node("undo", output="${ compensated.output } of ${ nodes.work }")
        assert problems([START, node("work", compensate="undo"), END, undo], LINE) == {}

    def test_may_be_a_region_and_undo_several_nodes(self) -> None:
        undo = holding("region", node("undo", output="${ compensated.node_id }"))
        nodes = [START, node("work", compensate="each"), node("more", compensate="each"), undo]
        assert problems(nodes, line(*nodes[:3])["edges"]) == {}

    def test_is_what_undoing_nodes_alone_see(self) -> None:
        found = with_node(node("t", output="${ compensated.output }"))
        assert codes(found) == {"/nodes/1/config/output": "compensated_elsewhere"}

    @pytest.mark.parametrize(
        ("named", "sentence"),
        [
            ("nobody", "There is no node `nobody` in the graph of `work`; name one that undoes what it did."),
            ("work", "`work` cannot undo itself; name another node."),
            ("start", "`start` is of type `start` and undoes nothing; name a node that does something."),
            ("end", "`end` is of type `end` and undoes nothing; name a node that does something."),
            ("beside", "`beside` runs only to undo `work`: no edge may lead to it or from it."),
            ("undone", "`undone` undoes `work` and is not undone itself: leave its `compensate` out."),
        ],
    )
    def test_names_a_node_that_can_undo(self, named: str, sentence: str) -> None:
        nodes = [START, node("work", compensate=named), node("beside"), END, node("undone", compensate="undo")]
        found = problems([*nodes, node("undo")], line(*nodes[:4])["edges"])
        assert found["/nodes/1/config/compensate"] == ("bad_compensation", sentence)

    def test_is_in_the_same_graph(self) -> None:
        nodes = [START, holding("region", node("a", compensate="undo")), node("undo")]
        found = problems(nodes, line(*nodes)["edges"])
        assert codes(found) == {"/nodes/1/config/body/nodes/1/config/compensate": "bad_compensation"}

    @pytest.mark.parametrize("kind", ["start", "end", "condition"])
    def test_is_for_what_does_something(self, kind: str) -> None:
        nodes: list[Document] = [START, TOOL, END, node("undo")]
        place = {"start": 0, "condition": 1, "end": 2}[kind]
        nodes[place] = {**nodes[place], "type": kind, "config": {"compensate": "undo"}}
        assert codes(problems(nodes, LINE)) == {f"/nodes/{place}/config/compensate": "bad_compensation"}


class TestCancelAndBreak:
    def test_cancel_names_nodes_of_its_graph(self) -> None:
        assert with_node(node("stop", "cancel", nodes=["end"])) == {}
        assert codes(with_node(node("stop", "cancel", nodes=["end", "nobody", "start", "stop"]))) == {
            "/nodes/1/config/nodes/1": "unknown_node",
            "/nodes/1/config/nodes/2": "bad_cancel",
            "/nodes/1/config/nodes/3": "bad_cancel",
        }

    def test_break_stands_in_the_body_of_a_loop(self) -> None:
        assert with_node(holding("loop", node("out", "break"), items=[1])) == {}
        for found in (with_node(holding("map", node("out", "break"), items=[1])), with_node(node("out", "break"))):
            assert list(found.values()) == [
                ("break_outside_loop", "`out` ends a loop, so it stands directly in the body of one.")
            ]


class TestCalls:
    @pytest.mark.parametrize("named", ["0199f3a0-7c3e-7000-8000-000000000001", "${ input.which }"])
    def test_name_a_blueprint_by_its_id_or_a_template(self, named: str) -> None:
        assert with_node(node("call", "blueprint", blueprint_id=named)) == {}
        assert with_node(node("call", "map", items=[], blueprint={"blueprint_id": named})) == {}

    def test_that_name_it_otherwise_are_refused(self) -> None:
        sentence = "`call` runs a blueprint by its id, which is a UUID, or a template that gives one."
        found = with_node(node("call", "blueprint", blueprint_id="invoices"))
        assert found == {"/nodes/1/config/blueprint_id": ("bad_blueprint_id", sentence)}
        found = with_node(node("call", "map", items=[], blueprint={"blueprint_id": "invoices"}))
        assert found == {"/nodes/1/config/blueprint/blueprint_id": ("bad_blueprint_id", sentence)}
