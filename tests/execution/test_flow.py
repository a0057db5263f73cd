"""Where the tokens go: splits, joins with dead paths, loops inside loops."""

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from execution.domain.flow import Flow
from execution.domain.graph import CompiledGraph
from tests.support.builders import a_graph

Choice = Callable[[str, int], Sequence[str] | None]
"""Node id and visit to the targets taken; None takes every edge."""


def everywhere(_node_id: str, _visit: int) -> None:
    """Take every edge."""
    return


def path(flow: Flow, choose: Choice = everywhere, steps_max: int = 200) -> list[str]:
    """The visits in the order a sequential executor makes them, until nothing is ready."""
    flow.begin()
    visited = []
    while flow.ready:
        (node_id, visit, _), _ = flow.ready.popitem(last=False)
        visited.append(node_id)
        assert len(visited) <= steps_max, f"does not end: {visited}"
        targets = choose(node_id, visit)
        edges = flow.graph.edges
        outgoing = flow.graph.outgoing[node_id]
        flow.finish(node_id, [index for index in outgoing if targets is None or edges[index].target in targets])
    return visited


def flow_of(*edges: str) -> Flow:
    """No token has moved yet."""
    return Flow(CompiledGraph(a_graph(*edges)))


def taking(choices: dict[str, list[list[str]]]) -> Choice:
    """Per node, the targets taken at each visit; other nodes take every edge."""
    return lambda node_id, visit: choices[node_id][visit - 1] if node_id in choices else None


class TestSplitsAndJoins:
    def test_a_chain_is_walked_in_order(self) -> None:
        assert path(flow_of("start -> a", "a -> b", "b -> end")) == ["start", "a", "b", "end"]

    def test_a_join_waits_for_every_live_branch(self) -> None:
        flow = flow_of("start -> a", "start -> b", "b -> c", "a -> join", "c -> join")
        assert path(flow) == ["start", "a", "b", "c", "join"]

    def test_a_join_does_not_wait_for_a_branch_that_was_not_taken(self) -> None:
        flow = flow_of("start -> a", "start -> b", "b -> c", "a -> join", "c -> join")
        assert path(flow, taking({"start": [["a"]]})) == ["start", "a", "join"]

    def test_a_node_that_only_dead_branches_reach_is_passed_over(self) -> None:
        flow = flow_of("start -> a", "start -> b", "b -> c", "b -> d", "c -> e", "d -> e", "a -> end", "e -> end")
        assert path(flow, taking({"start": [["a"]]})) == ["start", "a", "end"]

    def test_the_same_join_is_visited_once_however_many_edges_arrive(self) -> None:
        wide = [f"start -> n{i}" for i in range(30)] + [f"n{i} -> join" for i in range(30)]
        assert path(flow_of(*wide)).count("join") == 1


class TestLoops:
    def test_a_back_edge_starts_a_new_visit_at_once(self) -> None:
        flow = flow_of("start -> a", "a -> check", "check -> a", "check -> end")
        visited = path(flow, taking({"check": [["a"], ["a"], ["end"]]}))
        assert visited == ["start", "a", "check", "a", "check", "a", "check", "end"]

    def test_what_follows_a_loop_is_not_given_up_while_the_loop_lives(self) -> None:
        flow = flow_of("start -> a", "a -> out", "a -> b", "b -> a", "b -> end", "out -> join", "end -> join")
        visited = path(flow, taking({"a": [["b"], ["out"]], "b": [["a"]]}))
        assert visited == ["start", "a", "b", "a", "out", "join"]

    def test_a_join_behind_a_loop_waits_for_it(self) -> None:
        flow = flow_of("start -> a", "start -> side", "a -> check", "check -> a", "check -> join", "side -> join")
        visited = path(flow, taking({"check": [["a"], ["join"]]}))
        assert visited == ["start", "a", "side", "check", "a", "check", "join"]

    def test_a_join_inside_a_loop_joins_in_every_round(self) -> None:
        flow = flow_of("start -> h", "h -> a", "h -> b", "a -> j", "b -> j", "j -> h", "j -> end")
        visited = path(flow, taking({"j": [["h"], ["end"]]}))
        assert visited == ["start", "h", "a", "b", "j", "h", "a", "b", "j", "end"]

    def test_an_edge_into_the_middle_of_a_loop_is_waited_for_once(self) -> None:
        flow = flow_of("start -> h", "start -> s", "h -> m", "s -> m", "m -> h", "m -> end")
        visited = path(flow, taking({"m": [["h"], ["end"]]}))
        assert visited == ["start", "h", "s", "m", "h", "m", "end"]

    def test_a_loop_inside_a_loop_may_be_entered_again(self) -> None:
        flow = flow_of("start -> o", "o -> i", "i -> c", "c -> i", "c -> d", "d -> o", "d -> end")
        visited = path(flow, taking({"c": [["i"], ["d"], ["d"]], "d": [["o"], ["end"]]}))
        assert visited == ["start", "o", "i", "c", "i", "c", "d", "o", "i", "c", "d", "end"]

    def test_a_loop_that_is_never_entered_is_passed_over_whole(self) -> None:
        flow = flow_of("start -> a", "start -> h", "h -> c", "c -> h", "c -> join", "a -> join")
        assert path(flow, taking({"start": [["a"]]})) == ["start", "a", "join"]

    def test_a_chain_of_a_thousand_untaken_loops_is_passed_over_without_recursion(self) -> None:
        edges = ["start -> h0", "start -> a", "a -> join"]
        for i in range(1000):
            edges += [f"h{i} -> c{i}", f"c{i} -> h{i}", f"c{i} -> h{i + 1}"]
        flow = flow_of(*edges, "h1000 -> join")
        assert path(flow, taking({"start": [["a"]]})) == ["start", "a", "join"]

    def test_when_an_exit_was_taken_only_the_other_exits_die(self) -> None:
        flow = flow_of("start -> h", "h -> x", "h -> c", "c -> h", "c -> y", "x -> join", "y -> join")
        visited = path(flow, taking({"h": [["c", "x"], ["c"]], "c": [["h"], ["y"]]}))
        assert visited == ["start", "h", "x", "c", "h", "c", "y", "join"]

    def test_where_loops_that_share_nodes_are_entered_in_several_places_no_branch_is_lost(self) -> None:
        ways_in = ("start -> a", "start -> b", "start -> d")
        flow = flow_of(*ways_in, "d -> c", "a -> b", "c -> d", "b -> c", "a -> d", "d -> a")
        assert flow.graph.back, "it has loops"
        assert path(flow, taking({"start": [["d"]], "d": [[]]})) == ["start", "d"]


@given(st.data())
def test_every_run_of_an_acyclic_graph_visits_each_node_at_most_once_and_ends(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12))
    names = ["start", *(f"n{i}" for i in range(1, size))]
    edges = [f"{names[data.draw(st.integers(0, i - 1))]} -> {names[i]}" for i in range(1, size)]
    extra = data.draw(st.lists(st.tuples(st.integers(0, size - 2), st.integers(1, size - 1)), max_size=15))
    edges += [f"{names[a]} -> {names[b]}" for a, b in extra if a < b]
    flow = flow_of(*dict.fromkeys(edges))

    def choose(node_id: str, _visit: int) -> list[str] | None:
        targets = [flow.graph.edges[index].target for index in flow.graph.outgoing[node_id]]
        return data.draw(st.lists(st.sampled_from(targets), unique=True)) if targets else None

    visited = path(flow, choose)
    assert len(set(visited)) == len(visited)
    assert all(not queue for queue in flow.queued.values()), "a token was left behind"
