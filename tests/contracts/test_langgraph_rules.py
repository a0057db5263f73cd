"""What LangGraph can bring together, and what is refused with the node and the reason."""

from random import Random

import pytest

from chassis.language import CEL
from contracts.graph_rules import problems_of
from contracts.langgraph_plan import AllOf, OneOf, Way, meetings_of
from contracts.langgraph_rules import langgraph_problems
from contracts.workflow import BlueprintConfig, Edge, Node, WorkflowGraph
from tests.support.blueprints import passes, step
from tests.support.builders import a_graph, a_node

DIAMOND = ("start -> a", "start -> b", "a -> end", "b -> end")
SPLIT = a_node("split", "condition")


def refused(graph: WorkflowGraph) -> dict[str, str]:
    """The sentences by their place."""
    return {problem.pointer: problem.message for problem in langgraph_problems(graph, BlueprintConfig())}


class TestMeetings:
    def test_branches_that_are_always_taken_are_waited_for_together(self) -> None:
        assert meetings_of(a_graph(*DIAMOND))["end"] == AllOf((Way((2,)), Way((3,))))

    def test_branches_that_exclude_each_other_are_not(self) -> None:
        graph = a_graph(
            "start -> split", "split -> a if input.x", "split -> b", "a -> end", "b -> c", "c -> end", SPLIT
        )
        assert meetings_of(graph)["end"] == OneOf((Way((3,)), Way((5,))))

    def test_a_choice_within_a_parallel_branch_is_waited_for_as_one(self) -> None:
        graph = a_graph(
            "start -> x", "start -> split", "split -> a if input.x", "split -> b", "a -> end", "b -> end", "x -> end",
            SPLIT,
        )  # fmt: skip
        assert meetings_of(graph)["end"] == AllOf((OneOf((Way((4,)), Way((5,)))), Way((6,))))

    def test_two_edges_from_one_node_bring_one_token(self) -> None:
        assert meetings_of(a_graph("start -> a", "start -> a if input.x"))["a"] == Way((0, 1))

    def test_an_error_edge_is_a_way_of_its_own(self) -> None:
        graph = a_graph("start -> a", "a -> b", "a -> c on any", "b -> end", "c -> end", a_node("a", "tool"))
        assert meetings_of(graph)["end"] == OneOf((Way((3,)), Way((4,))))

    def test_what_leaves_a_cycle_is_judged_in_the_round_that_leaves_it(self) -> None:
        graph = a_graph(
            "start -> a", "a -> split", "split -> a if vars.n < 3", "split -> end", "start -> b", "b -> end", SPLIT
        )
        assert meetings_of(graph)["end"] == AllOf((Way((3,)), Way((5,))))


class TestRefusals:
    @pytest.mark.parametrize(
        ("graph", "pointer", "sentence"),
        [
            (a_graph(*DIAMOND, a_node("end", "end", join="any")), "/nodes/0/config/join", "before all live branches"),
            (
                a_graph(*DIAMOND, a_node("end", "end", join={"kind": "n_of_m", "n": 1})),
                "/nodes/0/config/join",
                "(`n_of_m`)",
            ),
            (
                a_graph(*DIAMOND, a_node("end", "end", join={"kind": "all", "cancel_rest": True})),
                "/nodes/0/config/join",
                "withdraws the branches",
            ),
            (
                a_graph("start -> stop", a_node("stop", "cancel", nodes=["start"])),
                "/nodes/0/type",
                "gives up other nodes",
            ),
            (
                a_graph("start -> a", "start -> b if input.x", "a -> end", "b -> end"),
                "/nodes/3/config/join",
                "some may be taken and others not",
            ),
            (
                a_graph("start -> a", "start -> b", "a -> b", "b -> a if input.x", "b -> end"),
                "/nodes/",
                "is entered here as well",
            ),
            (
                a_graph("start -> a", "a -> b", "b -> a if input.x", "b -> end"),
                "/edges/2",
                "goes back to `a` while the edge from `b` to `end` may be taken too",
            ),
        ],
        ids=["any", "n_of_m", "cancel_rest", "cancel", "partly", "two entries", "back and on"],
    )
    def test_each_with_its_place_and_the_reason(self, graph: WorkflowGraph, pointer: str, sentence: str) -> None:
        ((at, message), *_) = refused(graph).items()
        assert at.startswith(pointer)
        assert sentence in message
        assert message.startswith("The executor `langgraph` cannot do this")
        assert message.endswith("choose another executor.")

    def test_any_and_each_are_no_matter_where_one_branch_is_taken_at_a_time(self) -> None:
        for kind in ("any", "each"):
            graph = a_graph("start -> split", "split -> a if input.x", "split -> b", "a -> end", "b -> end",
                            SPLIT, a_node("end", "end", join=kind))  # fmt: skip
            assert refused(graph) == {}

    def test_a_body_is_judged_like_the_graph_around_it(self) -> None:
        body = passes(step("a"), step("stop", "cancel", nodes=["a"]))
        graph = a_graph("start -> each", a_node("each", "loop", items=[1], body=body))
        assert list(refused(graph)) == ["/nodes/0/config/body/nodes/2/type"]

    def test_it_is_said_when_a_blueprint_names_langgraph_and_only_then(self) -> None:
        graph = a_graph(*DIAMOND, a_node("end", "end", join="any"))
        assert problems_of(graph, BlueprintConfig(executor="parallel"), CEL) == ()
        (problem,) = problems_of(graph, BlueprintConfig(executor="langgraph"), CEL)
        assert problem.code == "not_in_langgraph"

    def test_a_graph_that_nobody_could_judge_is_refused_soon(self) -> None:
        wide = (text for n in range(400) for text in (f"split -> n{n} if input.x == {n}", f"n{n} -> end"))
        (message,) = refused(a_graph("start -> split", *wide, SPLIT)).values()
        assert "choices depend on each other too much" in message


@pytest.mark.parametrize("seed", range(200))
def test_a_graph_with_other_problems_is_no_reason_to_stumble(seed: int) -> None:
    dice = Random(seed)
    names = [f"n{number}" for number in range(dice.randint(1, 8))]
    types = ("start", "tool", "condition", "end", "loop", "cancel", "nonsense")
    configs = ({}, {"join": "any"}, {"join": 7}, {"body": 3}, {"body": {"nodes": [{"id": 1}]}}, {"split": "inclusive"})
    nodes = tuple(Node(id=dice.choice(names), type=dice.choice(types), config=dice.choice(configs)) for _ in names)
    ends = [*names, "nowhere"]
    edges = tuple(
        Edge(source=dice.choice(ends), target=dice.choice(ends), condition=dice.choice((None, "true")))
        for _ in range(dice.randint(0, 12))
    )
    list(langgraph_problems(WorkflowGraph(nodes=nodes, edges=edges), BlueprintConfig()))
