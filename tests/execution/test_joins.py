"""Joins that need not wait for every branch, and what becomes of the branches they do not wait for."""

from execution.domain.visits import Visit
from tests.support.builders import a_graph, a_node
from tests.support.story import Story, error_of, output_of, told

BRANCHES = ("start -> a", "start -> b", "start -> c", "a -> join", "b -> join", "c -> join", "join -> last")


def three_branches(**join: object) -> Story:
    """Three effects that meet at a join."""
    tools = [a_node(name, "tool") for name in "abc"]
    return Story(a_graph(*tools, a_node("join", "transform", output="joined", join=join), *BRANCHES))


class TestAny:
    def test_the_first_branch_is_enough_and_the_others_change_nothing(self) -> None:
        story = three_branches(kind="any")
        assert story.done("b") == ["NodeCompleted b", "NodeCompleted join", "NodeCompleted last"]
        story.done("a")
        assert story.done("c") == ["NodeCompleted c", "InstanceCompleted"]
        assert told(story.facts).count("NodeCompleted join") == 1

    def test_it_can_be_reached_again_once_every_branch_has_come(self) -> None:
        first, second = a_node("a", "tool"), a_node("b", "tool")
        graph = a_graph(
            first,
            second,
            a_node("join", "transform", output="", join="any"),
            a_node("again", "condition"),
            "start -> head",
            "head -> a",
            "head -> b",
            "a -> join",
            "b -> join",
            "join -> again",
            "again -> head if input.again",
            "again -> end",
        )
        story = Story(graph, {"again": True}, max_visits=2)
        story.done("a")
        story.done("b")
        assert set(story.instance.running) == {Visit("a", 2), Visit("b", 2)}

    def test_when_no_branch_lives_it_is_passed_over(self) -> None:
        graph = a_graph(
            a_node("join", "transform", output="", join="any"),
            a_node("start", "start", split="exclusive"),
            "start -> x if false",
            "start -> y",
            "x -> join",
            "join -> z",
            "y -> end",
        )
        assert "NodeCompleted join" not in told(Story(graph).facts)


class TestSomeOfMany:
    def test_the_second_of_three_is_enough(self) -> None:
        story = three_branches(kind="n_of_m", n=2)
        assert story.done("c") == ["NodeCompleted c"]
        assert "NodeCompleted last" in story.done("a")

    def test_too_few_live_branches_fail_it(self) -> None:
        graph = a_graph(
            a_node("join", "transform", output="", join={"kind": "n_of_m", "n": 2}),
            "start -> a",
            "start -> b if false",
            "a -> join",
            "b -> join",
        )
        error = error_of(Story(graph))
        assert (error.code, error.node_id) == ("join_unreached", "join")


class TestEach:
    def test_every_branch_brings_a_visit(self) -> None:
        story = three_branches(kind="each")
        for name in "abc":
            story.done(name)
        assert told(story.facts).count("NodeCompleted last") == 3


class TestCancelRest:
    def test_the_other_branches_are_withdrawn(self) -> None:
        story = three_branches(kind="any", cancel_rest=True)
        happened = story.done("a")
        assert happened[1:4] == ["BranchesWithdrawn join", "NodeCancelled b", "NodeCancelled c"]
        assert happened[-1] == "InstanceCompleted"

    def test_a_branch_that_joins_elsewhere_first_does_not_wait_for_what_was_withdrawn(self) -> None:
        graph = a_graph(
            *(a_node(name, "tool") for name in "abcd"),
            a_node("join", "transform", output="", join={"kind": "any", "cancel_rest": True}),
            "start -> a",
            "start -> b",
            "start -> c",
            "b -> d",
            "c -> d",
            "a -> join",
            "d -> join",
        )
        story = Story(graph)
        story.done("b")
        assert story.done("a")[-1] == "InstanceCompleted"
        assert "NodeStarted d" not in told(story.facts)
        assert story.replayed().status == "completed"

    def test_a_cancel_node_withdraws_others(self) -> None:
        graph = a_graph(
            a_node("slow", "tool"),
            a_node("stop", "cancel", nodes=["slow"]),
            "start -> slow",
            "start -> stop",
            "slow -> never",
            "stop -> end",
        )
        story = Story(graph)
        assert output_of(story) == {"stop": None}
        assert told(story.facts).count("NodeCompleted never") == 0


class TestSplits:
    def test_exclusive_takes_the_first_true_edge(self) -> None:
        graph = a_graph(
            a_node("pick", "transform", output=2, split="exclusive"),
            "start -> pick",
            "pick -> a if nodes.pick > 5",
            "pick -> b if nodes.pick > 1",
            "pick -> c if nodes.pick > 0",
        )
        assert set(output_of(Story(graph))) == {"b"}

    def test_inclusive_takes_every_true_edge_else_the_default(self) -> None:
        def graph(value: int) -> Story:
            pick = a_node("pick", "transform", output=value, split="inclusive")
            edges = ("start -> pick", "pick -> a if nodes.pick > 1", "pick -> b if nodes.pick > 0", "pick -> c")
            return Story(a_graph(pick, *edges))

        assert set(output_of(graph(2))) == {"a", "b"}
        assert set(output_of(graph(0))) == {"c"}
