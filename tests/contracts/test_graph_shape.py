"""The shape of a graph: reachable nodes, back edges, loops, cycles without an exit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.graph_shape import TooTangled, back_edges, endless_cycles, loops, reachable
from contracts.workflow import Edge, Node, WorkflowGraph


def graph(*edges: str, conditions: tuple[str, ...] = ()) -> WorkflowGraph:
    """`graph("s>a", "a>b?")`: s is the start, `?` marks an edge with a condition."""
    drawn = []
    ids: dict[str, None] = {"s": None}
    for edge in edges:
        source, target = edge.rstrip("?").split(">")
        ids |= {source: None, target: None}
        drawn.append(Edge(source=source, target=target, condition="true" if edge.endswith("?") else None))
    kinds = {"s": "start", **dict.fromkeys(conditions, "condition")}
    return WorkflowGraph(
        nodes=tuple(Node(id=node_id, type=kinds.get(node_id, "transform")) for node_id in ids), edges=tuple(drawn)
    )


class TestBackEdges:
    def test_a_line_has_none(self) -> None:
        assert back_edges(graph("s>a", "a>b")) == frozenset()

    def test_a_diamond_has_none(self) -> None:
        assert back_edges(graph("s>a", "s>b", "a>c", "b>c")) == frozenset()

    def test_the_edge_that_returns_to_an_ancestor_is_one(self) -> None:
        assert back_edges(graph("s>a", "a>b", "b>a?", "b>c")) == {2}

    def test_a_node_may_return_to_itself(self) -> None:
        assert back_edges(graph("s>a", "a>a?")) == {1}

    def test_edges_are_tried_in_the_order_they_were_written(self) -> None:
        assert back_edges(graph("s>a", "s>b", "a>b?", "b>a?")) == {3}
        assert back_edges(graph("s>b", "s>a", "a>b?", "b>a?")) == {2}

    def test_what_start_does_not_reach_is_left_alone(self) -> None:
        assert back_edges(graph("s>a", "x>y", "y>x")) == frozenset()

    def test_five_thousand_nodes_in_a_line_need_no_recursion(self) -> None:
        line = graph("s>0", *(f"{n}>{n + 1}" for n in range(4_998)), "4998>0?")
        assert back_edges(line) == {4_999}


class TestLoops:
    def test_the_body_holds_what_leads_back_without_passing_the_header(self) -> None:
        (loop,) = loops(graph("s>a", "a>b", "a>c", "b>d", "c>d", "d>a?", "d>e"))
        assert (loop.header, loop.body, loop.back_edges) == ("a", frozenset("abcd"), frozenset({5}))

    def test_two_ways_back_to_one_header_are_one_loop(self) -> None:
        (loop,) = loops(graph("s>a", "a>b", "b>a?", "b>c", "c>a?"))
        assert (loop.body, loop.back_edges) == (frozenset("abc"), frozenset({2, 4}))

    def test_nested_loops_are_two(self) -> None:
        outer, inner = loops(graph("s>a", "a>b", "b>b?", "b>a?", "b>c"))
        assert (outer.header, outer.body) == ("a", frozenset("ab"))
        assert (inner.header, inner.body) == ("b", frozenset("b"))

    def test_unreachable_nodes_are_in_no_body(self) -> None:
        (loop,) = loops(graph("s>a", "a>b", "b>a?", "x>b"))
        assert loop.body == frozenset("ab")

    def test_loops_nested_beyond_reason_are_refused_quickly(self) -> None:
        returns = (f"2999>{n}?" for n in range(2_999))
        tangled = graph("s>0", *(f"{n}>{n + 1}" for n in range(2_999)), *returns)
        with pytest.raises(TooTangled):
            loops(tangled)


class TestEndlessCycles:
    @pytest.mark.parametrize(
        "left",
        [
            graph("s>a", "a>b", "b>a?", "b>c"),
            graph("s>a", "a>a?", "a>b?"),
            graph("s>c", "c>a?", "a>c", "c>e", conditions=("c",)),
        ],
        ids=["a condition returns", "a node returns to itself", "a condition node leaves"],
    )
    def test_a_cycle_that_a_condition_leaves_is_fine(self, left: WorkflowGraph) -> None:
        assert endless_cycles(left) == ()

    @pytest.mark.parametrize(
        ("endless", "trapped"),
        [
            (graph("s>a", "a>b", "b>a", "b>c?"), ("a", "b")),
            (graph("s>a", "a>b", "b>a?"), ("a", "b")),
            (graph("s>a", "a>a"), ("a",)),
            (graph("s>a", "a>c", "c>a", conditions=("c",)), ("a", "c")),
        ],
        ids=["it always returns", "nothing leads out", "a node always follows itself", "a condition with one way"],
    )
    def test_a_cycle_that_nothing_leaves_is_named(self, endless: WorkflowGraph, trapped: tuple[str, ...]) -> None:
        assert endless_cycles(endless) == (trapped,)

    def test_each_is_named_once(self) -> None:
        assert endless_cycles(graph("s>a", "a>b", "b>a", "s>x", "x>y?", "y>x?")) == (("a", "b"), ("x", "y"))


nodes = st.integers(0, 9)
random_graphs = st.lists(st.tuples(nodes, nodes, st.booleans()), max_size=30).map(
    lambda edges: WorkflowGraph(
        nodes=tuple(Node(id=str(n), type="start" if n == 0 else "transform") for n in range(10)),
        edges=tuple(
            Edge(source=str(source), target=str(target), condition="true" if conditional else None)
            for source, target, conditional in edges
        ),
    )
)


class TestAnyGraph:
    @given(random_graphs)
    def test_has_no_cycle_once_its_back_edges_are_gone(self, any_graph: WorkflowGraph) -> None:
        inside = reachable(any_graph)
        closing = back_edges(any_graph)
        ahead = [edge for index, edge in enumerate(any_graph.edges) if index not in closing and edge.source in inside]
        waiting = {node_id: sum(edge.target == node_id for edge in ahead) for node_id in inside}
        free = [node_id for node_id, count in waiting.items() if count == 0]
        for node_id in free:
            for edge in ahead:
                if edge.source == node_id:
                    waiting[edge.target] -= 1
                    free += [edge.target] if waiting[edge.target] == 0 else []
        assert set(free) == inside

    @given(random_graphs)
    def test_holds_the_ends_of_every_back_edge_in_one_loop(self, any_graph: WorkflowGraph) -> None:
        found = loops(any_graph)
        assert frozenset().union(*(loop.back_edges for loop in found)) == back_edges(any_graph)
        assert len({loop.header for loop in found}) == len(found)
        for loop in found:
            for edge in (any_graph.edges[index] for index in loop.back_edges):
                assert edge.target == loop.header
                assert edge.source in loop.body

    @given(random_graphs)
    def test_only_lists_endless_cycles_that_hold_a_back_edge(self, any_graph: WorkflowGraph) -> None:
        closing = [any_graph.edges[index] for index in back_edges(any_graph)]
        for group in endless_cycles(any_graph):
            assert any(edge.source in group and edge.target in group for edge in closing)


def test_the_largest_graph_is_judged_without_recursion() -> None:
    line = (f"{n}>{n + 1}" for n in range(4_998))
    skips = (f"{n}>{min(n + jump, 4_998)}?" for jump in (2, 3, 7) for n in range(4_990))
    large = graph("s>0", *line, *skips, "4000>3990?")
    assert len(back_edges(large)) == 1
    assert [loop.header for loop in loops(large)] == ["3990"]
    assert endless_cycles(large) == ()
