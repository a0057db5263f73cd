"""The rules for bodies: graphs within a graph are judged by the same rules, and see outwards only."""

import time

import pytest

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.support.judging import START, Document, codes, holding, line, node, problems, with_node

IN_BODY = "/nodes/1/config/body"


class TestABody:
    def test_of_a_loop_map_or_region_may_hold_anything_that_a_graph_may(self) -> None:
        inner = holding("map", node("twice", output="${ item * 2 }"), name="inner", items="${ item }")
        outer = holding("loop", inner, items="${ input }")
        assert with_node(outer) == {}

    def test_is_judged_like_the_graph_around_it(self) -> None:
        body = {
            "nodes": [node("s", "start"), node("a b"), node("lost"), node("t", "agent"), node("u", output="${ 1 + }")],
            "edges": [
                {"source": "s", "target": "nobody"},
                {"source": "s", "target": "t", "condition": "1 + 1"},
                {"source": "t", "target": "u"},
                {"source": "u", "target": "t"},
            ],
        }
        assert codes(with_node(node("each", "region", body=body))) == {
            f"{IN_BODY}/nodes/1/id": "bad_id",
            f"{IN_BODY}/nodes/3/type": "unknown_node_type",
            f"{IN_BODY}/nodes/4/config/output": "bad_expression",
            f"{IN_BODY}/edges/0/target": "unknown_node",
            f"{IN_BODY}/edges/1/condition": "bad_expression",
            f"{IN_BODY}/nodes/1": "unreachable",
            f"{IN_BODY}/nodes/2": "unreachable",
            f"{IN_BODY}/nodes/3": "endless_cycle",
        }

    def test_begins_with_a_start_of_its_own(self) -> None:
        found = with_node(node("each", "region", body={"nodes": [node("a")]}))
        assert found == {f"{IN_BODY}/nodes": ("no_start", "One node in the body of `each` must be of type `start`.")}

    def test_has_the_shape_of_a_graph(self) -> None:
        body = {"nodes": [{"id": "s", "type": "start", "colour": "red"}, {"id": 7}], "edge": []}
        assert codes(with_node(node("each", "region", body=body))) == {
            f"{IN_BODY}/nodes/0/colour": "unknown_member",
            f"{IN_BODY}/nodes/1/id": "wrong_type",
            f"{IN_BODY}/nodes/1/type": "missing",
            f"{IN_BODY}/edge": "unknown_member",
        }

    def test_out_of_shape_is_judged_as_far_as_it_can_be_read(self) -> None:
        body = {
            "nodes": [node("s", "start"), {"type": "delay", "config": {}}, node("t", output="${ 1 + }"), node("u")],
            "edges": [{"source": "s", "target": "lost"}, {"source": "s", "target": "t", "condition": 1}],
        }
        assert codes(with_node(node("each", "region", body=body))) == {
            f"{IN_BODY}/nodes/1/id": "missing",
            f"{IN_BODY}/nodes/1/config/seconds": "missing",
            f"{IN_BODY}/nodes/2/config/output": "bad_expression",
            f"{IN_BODY}/edges/1/condition": "wrong_type",
        }

    def test_does_not_hide_what_else_is_wrong_with_its_node(self) -> None:
        found = with_node(node("each", "loop", body=line(node("s", "start"), node("a", output="${"))))
        assert codes(found) == {"/nodes/1/config": "loop_by", f"{IN_BODY}/nodes/1/config/output": "bad_expression"}

    @pytest.mark.parametrize("body", [None, [], "graph"])
    def test_is_an_object(self, body: object) -> None:
        assert codes(with_node(node("each", "region", body=body))) == {IN_BODY: "wrong_type"}

    def test_of_a_request_is_no_graph(self) -> None:
        post = node("post", "http", url="http://x", method="POST", body={"nodes": "${ nodes.x }"})
        assert codes(with_node(post)) == {"/nodes/1/config/body/nodes": "unknown_node_reference"}


class TestIds:
    def test_are_unique_in_the_whole_blueprint(self) -> None:
        found = with_node(holding("region", node("start"), node("end"), node("a"), node("b"), node("a", "end")))
        assert {place: told for place, told in found.items() if place.endswith("/id")} == {
            f"{IN_BODY}/nodes/1/id": ("duplicate_id", "The node at /nodes/0 has the id `start` already."),
            f"{IN_BODY}/nodes/2/id": ("duplicate_id", "The node at /nodes/2 has the id `end` already."),
            f"{IN_BODY}/nodes/5/id": ("duplicate_id", "Node 3 has the id `a` already."),
        }

    def test_join_edges_of_one_graph_only(self) -> None:
        nodes = [START, holding("region", node("a")), node("b")]
        edges = [{"source": "start", "target": "each"}, {"source": "each", "target": "b"}]
        found = problems(nodes, [*edges, {"source": "a", "target": "b"}])
        sentence = "`a` is in the body of `each`; an edge joins nodes of one graph."
        assert found == {"/edges/2/source": ("unknown_node", sentence)}
        nodes[1]["config"]["body"]["edges"].append({"source": "a", "target": "b"})
        sentence = "`b` is in the graph around this body; an edge joins nodes of one graph."
        assert problems(nodes, edges) == {f"{IN_BODY}/edges/1/target": ("unknown_node", sentence)}


class TestExpressions:
    def test_in_a_body_see_its_nodes_and_those_around(self) -> None:
        assert with_node(holding("region", node("a"), node("b", output="${ nodes.a + nodes.start }"))) == {}

    def test_outside_do_not_see_into_a_body(self) -> None:
        nodes = [START, holding("region", node("a")), node("b", output="${ nodes.a.x }")]
        found = problems(nodes, line(*nodes)["edges"])
        sentence = (
            '`nodes.a.x` mentions node "a", which is in the body of `each` and seen only there; '
            "out here ask for the output of `each`."
        )
        assert found == {"/nodes/2/config/output": ("unknown_node_reference", sentence)}

    def test_have_an_item_and_an_index_in_loops_and_maps_and_all_that_is_in_them(self) -> None:
        region = holding("region", node("a", output="${ item + index }"), name="inner")
        assert with_node(holding("map", region, items=[1, 2])) == {}

    @pytest.mark.parametrize("holder", ["region", "loop"])
    def test_have_no_item_where_nothing_is_gone_through(self, holder: str) -> None:
        by = {"while": "index < 3"} if holder == "loop" else {}
        found = with_node(holding(holder, node("a", output="${ item.price }"), **by))
        sentence = (
            "`item.price` reads `item`, which has a value only inside the body of a map, or of a loop with `items`."
        )
        assert found == {f"{IN_BODY}/nodes/1/config/output": ("item_outside_loop", sentence)}

    def test_have_no_item_or_index_outside(self) -> None:
        assert codes(with_node(node("t", output="${ index }"))) == {"/nodes/1/config/output": "item_outside_loop"}
        found = problems([START, node("t")], [{"source": "start", "target": "t", "condition": "item > 1"}])
        assert codes(found) == {"/edges/0/condition": "item_outside_loop"}

    def test_may_name_what_a_macro_goes_through_like_an_item(self) -> None:
        assert with_node(node("t", output="${ input.lines.map(item, item.price) }")) == {}

    def test_that_end_a_loop_see_its_body_and_which_pass_it_is(self) -> None:
        ends = {"while": "index < 3 || nodes.a > 1", "until": "nodes.a == nodes.start"}
        assert with_node(holding("loop", node("a"), **ends)) == {}

    def test_that_end_a_loop_are_conditions(self) -> None:
        ends = {"while": "index + 1", "until": "nodes.nobody"}
        assert codes(with_node(holding("loop", node("a"), **ends))) == {
            "/nodes/1/config/while": "bad_expression",
            "/nodes/1/config/until": "unknown_node_reference",
        }

    def test_in_the_call_of_a_map_are_for_each_item(self) -> None:
        call = {"blueprint_id": "${ item.id }", "input": {"n": "${ index }", "bad": "${ nodes.nobody }"}}
        found = with_node(node("each", "map", items="${ input.all }", blueprint=call))
        assert codes(found) == {"/nodes/1/config/blueprint/input/bad": "unknown_node_reference"}
        found = with_node(node("each", "map", items="${ item }", blueprint={"blueprint_id": "${ item }"}))
        assert codes(found) == {"/nodes/1/config/items": "item_outside_loop"}


def nested(depth: int, innermost: object = "${ input.x }") -> Document:
    """Regions in regions."""
    body: Document = line(node("s0", "start"), node("t", output=innermost))
    for level in range(depth):
        body = line(node(f"s{level + 1}", "start"), node(f"r{level + 1}", "region", body=body))
    return body


class TestDepthAndSize:
    def test_bodies_nest_eight_deep(self) -> None:
        assert problems(**nested(8)) == {}

    def test_deeper_ones_are_refused_where_they_begin(self) -> None:
        found = problems(**nested(9))
        place = "/nodes/1/config/body" * 9
        sentence = "Bodies nest at most 8 deep; run another blueprint from here (type `blueprint`)."
        assert found == {place: ("too_deep", sentence)}

    @pytest.mark.parametrize("depth", [40, 200, 20_000])
    def test_hostile_nesting_is_refused_at_once(self, depth: int) -> None:
        body = nested(depth)
        graph = WorkflowGraph(nodes=body["nodes"], edges=body["edges"])
        began = time.process_time()
        (problem,) = problems_of(graph, BlueprintConfig(), CEL)
        assert time.process_time() - began < 1
        assert (problem.pointer, problem.code) == (IN_BODY, "too_deep")

    def test_so_is_a_value_that_nests_beyond_reason(self) -> None:
        value: object = "${ input.x }"
        for _ in range(5_000):
            value = [{"a": value}]
        assert codes(with_node(node("t", output=value))) == {"/nodes/1/config": "too_deep"}

    def test_all_nodes_and_edges_together_are_counted(self) -> None:
        many = line(node("s", "start"), *(node(f"n{n}", "delay", seconds=1) for n in range(4_996)))
        found = with_node(node("each", "region", body=many))
        assert found == {}
        more = line(node("s", "start"), *(node(f"n{n}", "delay", seconds=1) for n in range(4_997)))
        sentence = "With the nodes of this body the blueprint has more than 5,000; let another blueprint do a part."
        assert with_node(node("each", "region", body=more)) == {f"{IN_BODY}/nodes": ("too_many_nodes", sentence)}

    def test_the_size_of_a_body_is_that_of_its_nodes(self) -> None:
        large = [node(f"n{n}", output="x" * 600_000) for n in range(2)]
        assert with_node(holding("region", *large)) == {}
