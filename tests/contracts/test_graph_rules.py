"""The rules a graph keeps: every problem at once, each with its place and a plain sentence."""

import sys
import time

import pytest

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.node_types import NODE_TYPES
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.support.judging import END, LINE, START, TOOL, problems, with_edge, with_node

BUDGET_SECONDS = 1.0 if sys.gettrace() is None else 10.0
"""Of processor time; being measured for coverage costs several times that."""


class TestAGoodGraph:
    def test_has_no_problems(self) -> None:
        assert problems([START, TOOL, END], LINE) == {}

    def test_needs_nothing_but_a_start(self) -> None:
        assert problems([START], []) == {}

    def test_may_loop_on_a_condition(self) -> None:
        back = {"source": "work", "target": "work", "condition": "nodes.work.n < 3"}
        assert problems([START, TOOL, END], [*LINE, back]) == {}

    def test_may_have_several_ends_and_a_condition_node(self) -> None:
        nodes = [START, {"id": "route", "type": "condition"}, END, {"id": "other", "type": "end"}]
        edges = [
            {"source": "start", "target": "route"},
            {"source": "route", "target": "end", "condition": "input.amount > 100.0"},
            {"source": "route", "target": "other"},
        ]
        assert problems(nodes, edges) == {}


class TestNodes:
    @pytest.mark.parametrize("bad", ["", "a b", "a/b", "ä", "a" * 129, "a\n"])
    def test_bear_ids_of_letters_digits_dots_dashes_underscores(self, bad: str) -> None:
        found = with_node({**TOOL, "id": bad})
        assert found["/nodes/1/id"] == ("bad_id", "An id has 1 to 128 letters, digits, dots, dashes and underscores.")

    def test_bear_ids_of_their_own(self) -> None:
        found = problems([START, TOOL, END, TOOL], LINE)
        assert found == {"/nodes/3/id": ("duplicate_id", "Node 1 has the id `work` already.")}

    def test_are_of_a_known_type(self) -> None:
        known = ", ".join(NODE_TYPES)
        assert with_node({"id": "x", "type": "agent"}) == {
            "/nodes/1/type": ("unknown_node_type", f"`agent` is not a node type; known are {known}.")
        }

    def test_say_what_is_wrong_in_their_configuration(self) -> None:
        config = {"seconds": "soon", "speed": 3, "on_error": "stop"}
        found = with_node({"id": "wait", "type": "delay", "config": config})
        assert {place: code for place, (code, _) in found.items()} == {
            "/nodes/1/config/seconds": "wrong_type",
            "/nodes/1/config/speed": "unknown_member",
            "/nodes/1/config/on_error": "on_an_edge",
        }

    def test_hold_a_configuration_of_limited_size(self) -> None:
        found = with_node({"id": "t", "type": "transform", "config": {"output": "x" * 1_100_000}})
        assert found == {"/nodes/1/config": ("too_large", "The configuration is larger than 1,048,576 bytes.")}

    def test_name_a_tool_that_there_is(self) -> None:
        assert with_node(TOOL, tools=("echo",)) == {}
        assert with_node({**TOOL, "config": {"name": "${ input.tool }"}}, tools=("echo",)) == {}
        assert with_node(TOOL, tools=("sleep", "fail")) == {
            "/nodes/1/config/name": ("unknown_tool", "There is no tool `echo`; known are fail, sleep.")
        }


class TestTemplates:
    def test_are_judged_where_they_stand(self) -> None:
        found = with_node({"id": "t", "type": "transform", "config": {"output": {"a": ["${ 1 + }", "${ input"]}}})
        assert found == {
            "/nodes/1/config/output/a/0": ("bad_expression", "`1 +`: the expression ends too early (column 4)."),
            "/nodes/1/config/output/a/1": (
                "bad_expression",
                "`${` at character 0 is never closed by a brace; write $${ for a literal ${.",
            ),
        }

    def test_mention_only_nodes_that_there_are(self) -> None:
        found = with_node({"id": "t", "type": "transform", "config": {"output": "${ nodes.start } ${ nodes.x.y }"}})
        assert found == {
            "/nodes/1/config/output": (
                "unknown_node_reference",
                '`nodes.x.y` mentions node "x", which is not in the graph.',
            )
        }

    @pytest.mark.parametrize("expression", ["nodes.a.b.label", "nodes.a.b"])
    def test_that_spell_a_dotted_id_like_a_name_are_told_how(self, expression: str) -> None:
        found = with_node({"id": "a.b", "type": "transform", "config": {"output": f"${{ {expression} }}"}})
        assert found["/nodes/1/config/output"][1].endswith('which is not in the graph; write nodes["a.b"].')

    def test_that_spell_a_dashed_id_like_a_name_are_told_how(self) -> None:
        found = with_node({"id": "a-b", "type": "transform", "config": {"output": "${ size(nodes.a-b) }"}})
        assert 'write nodes["a-b"].' in found["/nodes/1/config/output"][1]


class TestEdges:
    @pytest.mark.parametrize(
        ("edge", "place", "code"),
        [
            ({"source": "nobody", "target": "end"}, "/edges/2/source", "unknown_node"),
            ({"source": "work", "target": "nobody"}, "/edges/2/target", "unknown_node"),
            ({"source": "work", "target": "start", "condition": "false"}, "/edges/2/target", "edge_into_start"),
            ({"source": "end", "target": "work", "condition": "false"}, "/edges/2/source", "edge_out_of_end"),
            ({"source": "start", "target": "work"}, "/edges/2", "duplicate_edge"),
            ({"source": "start", "target": "end", "condition": ""}, "/edges/2/condition", "bad_expression"),
            ({"source": "start", "target": "end", "condition": "1 + 1"}, "/edges/2/condition", "bad_expression"),
            ({"source": "start", "target": "end", "condition": "amount > 1"}, "/edges/2/condition", "bad_expression"),
            (
                {"source": "start", "target": "end", "condition": "nodes.x"},
                "/edges/2/condition",
                "unknown_node_reference",
            ),
        ],
    )
    def test_that_break_a_rule_are_pointed_at(self, edge: dict[str, str], place: str, code: str) -> None:
        assert with_edge(**edge)[place][0] == code

    def test_name_their_bad_condition(self) -> None:
        _, sentence = with_edge(source="start", target="end", condition="amount > 1")["/edges/2/condition"]
        assert sentence.startswith("`amount > 1`: `amount` is not a name here; an expression can use input, nodes")

    def test_may_lead_twice_to_one_node_on_different_conditions(self) -> None:
        assert with_edge(source="start", target="work", condition="true") == {}

    def test_bear_ids_of_their_own_if_any(self) -> None:
        edges = [{**edge, "id": "e"} for edge in LINE]
        assert problems([START, TOOL, END], edges) == {
            "/edges/1/id": ("duplicate_id", "Edge 0 has the id `e` already.")
        }

    def test_out_of_a_condition_have_one_default(self) -> None:
        nodes = [START, {"id": "route", "type": "condition"}, TOOL, END]
        edges = [{"source": "start", "target": "route"}, {"source": "route", "target": "work"}]
        found = problems(nodes, [*edges, {"source": "route", "target": "end"}])
        assert found["/edges/2"] == (
            "several_defaults",
            "Edge 1 is already what `route` does otherwise; give this one a condition.",
        )


class TestTheWhole:
    def test_has_one_start(self) -> None:
        assert problems([END], []) == {"/nodes": ("no_start", "One node must be of type `start`.")}
        assert problems([START, {"id": "again", "type": "start"}], []) == {
            "/nodes/1/type": ("several_starts", "`start` is the start already; a graph has exactly one.")
        }

    def test_is_reached_from_the_start(self) -> None:
        found = problems([START, TOOL, END], [{"source": "work", "target": "end"}])
        assert found == {
            "/nodes/1": ("unreachable", "No path leads from the start to `work`."),
            "/nodes/2": ("unreachable", "No path leads from the start to `end`."),
        }

    def test_has_no_cycle_without_an_exit(self) -> None:
        code, sentence = with_edge(source="work", target="work")["/nodes/1"]
        assert code == "endless_cycle"
        assert sentence.startswith("A run that enters the cycle `work` never leaves it: put a condition on the edge")

    def test_names_only_the_first_nodes_of_a_long_cycle(self) -> None:
        ring = [{"id": f"n{n}", "type": "condition"} for n in range(12)]
        edges = [{"source": f"n{n}", "target": f"n{(n + 1) % 12}"} for n in range(12)]
        found = problems([START, *ring], [{"source": "start", "target": "n0"}, *edges])
        assert "`n9` and 2 more never leaves" in found["/nodes/1"][1]

    def test_is_not_tangled_beyond_reason(self) -> None:
        nodes = [START, *({"id": f"n{n}", "type": "condition"} for n in range(2_000))]
        ahead = [{"source": "start", "target": "n0"}] + [
            {"source": f"n{n}", "target": f"n{n + 1}", "condition": "true"} for n in range(1_999)
        ]
        back = [{"source": "n1999", "target": f"n{n}", "condition": "true"} for n in range(1_999)]
        assert problems(nodes, ahead + back)["/edges"][0] == "too_tangled"

    def test_has_an_input_schema_that_is_one(self) -> None:
        found = problems([START], [], {"input_schema": {"properties": {"a": {"type": "text"}}}})
        assert found["/config/input_schema/properties/a/type"][0] == "bad_schema"


def test_the_largest_graph_is_judged_in_a_second() -> None:
    line = [{"id": f"n{n}", "type": "transform", "config": {"output": "${ input.x }"}} for n in range(4_999)]
    ahead = [{"source": "start", "target": "n0"}]
    ahead += [{"source": f"n{n}", "target": f"n{n + 1}"} for n in range(4_998)]
    skips = [
        {"source": f"n{n}", "target": f"n{n + jump}", "condition": "input.x > 1"}
        for jump in (2, 3, 5)
        for n in range(4_990)
    ]
    graph = WorkflowGraph.model_validate({"nodes": [START, *line], "edges": ahead + skips})
    began = time.process_time()
    assert problems_of(graph, BlueprintConfig(), CEL) == ()
    assert time.process_time() - began < BUDGET_SECONDS
