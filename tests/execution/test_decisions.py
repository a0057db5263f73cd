"""What happens next, decided from history and time alone: given facts, when a turn is taken, then facts."""

import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from execution.domain.decisions.advancing import MAX_IDLE_CLAIMS, claim
from execution.domain.decisions.finishing import settle
from execution.domain.instance import Instance
from execution.domain.routing import rendered_config
from execution.domain.state import OutOfOrder
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.nodes.action import NodeResult
from tests.support.builders import a_graph, a_node
from tests.support.story import Story, output_of, told


class TestAChainOfEffects:
    def test_begins_the_first_effect_with_the_request(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        assert told(story.facts) == ["InstanceRequested", "InstanceStarted", "NodeCompleted start", "NodeStarted a"]

    def test_a_result_and_the_next_start_are_one_turn(self) -> None:
        story = Story(a_graph("start -> a", "a -> b", a_node("a", "tool"), a_node("b", "tool")))
        assert story.done("a") == ["NodeCompleted a", "NodeStarted b"]
        assert story.done("b") == ["NodeCompleted b", "InstanceCompleted"]

    def test_counts_times_tokens_and_money(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        story.done("a", seconds=2)
        ended = story.facts[-1]
        assert isinstance(ended, facts.InstanceCompleted)
        assert (ended.figures.execution_time_ms, ended.figures.nodes_executed) == (2000, 2)
        assert ended.figures.node_execution_times == {"start": 0, "a": 2000}

    def test_a_result_that_nobody_waits_for_changes_nothing(self) -> None:
        story = Story(a_graph("start -> a", "a -> b", a_node("a", "tool"), a_node("b", "tool")))
        story.done("a")
        turn = Turn(story.instance, story.now)
        settle(turn, Visit("a", 1), 1, NodeResult("again"))
        settle(turn, Visit("b", 1), 2, NodeResult("another attempt"))
        assert turn.events == []

    def test_a_history_with_a_hole_is_refused(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        with pytest.raises(OutOfOrder):
            Instance.replay(story.instance.id, [story.facts[0], story.facts[2]])

    def test_replaying_the_facts_gives_the_same_instance(self) -> None:
        story = Story(a_graph("start -> a", "a -> b", a_node("a", "tool"), a_node("b", "tool")), input=1)
        story.done("a", {"x": 1})
        again = story.replayed()
        assert (again.version, again.outputs, again.running, again.status) == (
            story.instance.version,
            story.instance.outputs,
            story.instance.running,
            story.instance.status,
        )

    def test_what_a_node_is_given_is_its_own_also_where_nothing_is_replaced(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool", name="sum", arguments={"of": [1, 2]})))
        visit, node = Visit("a", 1), story.graph.nodes["a"]
        given = rendered_config(story.instance, visit, node)

        given["arguments"]["of"].append(3)

        assert rendered_config(story.instance, visit, node) == {"name": "sum", "arguments": {"of": [1, 2]}}


class TestExecutors:
    GRAPH = a_graph("start -> a", "start -> b", "a -> end", "b -> end", a_node("a", "tool"), a_node("b", "tool"))

    def test_parallel_begins_every_ready_node(self) -> None:
        story = Story(self.GRAPH, executor="parallel")
        assert set(story.instance.running) == {Visit("a", 1), Visit("b", 1)}

    def test_parallel_keeps_to_its_limit(self) -> None:
        story = Story(self.GRAPH, executor="parallel", max_parallel=1)
        assert set(story.instance.running) == {Visit("a", 1)}

    def test_sequential_begins_one_after_the_other(self) -> None:
        story = Story(self.GRAPH, executor="sequential")
        assert set(story.instance.running) == {Visit("a", 1)}
        assert story.done("a") == ["NodeCompleted a", "NodeStarted b"]

    def test_sequential_waits_for_a_delay_too(self) -> None:
        story = Story(a_graph("start -> a", "start -> b", a_node("a", "delay", seconds=5)), executor="sequential")
        assert "b" not in story.instance.outputs
        assert story.later(5)[0] == "NodeCompleted a"


class TestRouting:
    def test_a_condition_takes_the_first_true_edge(self) -> None:
        graph = a_graph(
            "start -> c",
            "c -> big if input.n > 10",
            "c -> huge if input.n > 100",
            "c -> small",
            a_node("c", "condition"),
        )
        assert output_of(Story(graph, {"n": 500})) == {"big": "big"}
        assert output_of(Story(graph, {"n": 1})) == {"small": "small"}

    def test_an_ordinary_node_takes_every_true_edge(self) -> None:
        graph = a_graph("start -> a if input > 1", "start -> b if input > 2", "start -> c")
        assert output_of(Story(graph, 2)) == {"a": "a", "c": "c"}

    def test_a_condition_sees_the_output_of_its_own_node(self) -> None:
        graph = a_graph("start -> t", "t -> yes if nodes.t == 7", a_node("t", output=7))
        assert output_of(Story(graph)) == {"yes": "yes"}

    def test_no_true_edge_fails_the_run(self) -> None:
        story = Story(a_graph("start -> a if input == 1"), input=2)
        assert told(story.facts)[-1] == "InstanceFailed"
        assert story.instance.error is not None
        assert (story.instance.error.code, story.instance.error.node_id) == ("no_branch_taken", "start")

    def test_a_condition_that_cannot_be_judged_fails_the_run_and_names_the_expression(self) -> None:
        story = Story(a_graph("start -> a if input.missing > 1"), input={})
        story.later()
        assert story.instance.error is not None
        assert story.instance.error.code == "expression_failed"
        assert "input.missing > 1" in story.instance.error.message


class TestOutputs:
    def test_an_end_with_an_output_makes_the_runs_output(self) -> None:
        graph = a_graph("start -> end", a_node("end", "end", output={"twice": "${ input * 2 }"}))
        assert output_of(Story(graph, 21)) == {"twice": 42}

    def test_without_one_it_is_the_outputs_of_the_nodes_that_ended_the_graph(self) -> None:
        assert output_of(Story(a_graph("start -> a", "start -> b", "a -> end"))) == {"a": "a", "b": "b"}


class TestFailing:
    def test_an_unanswered_failure_fails_the_run_and_lets_go_of_the_rest(self) -> None:
        graph = a_graph("start -> a", "start -> b", a_node("a", "tool"), a_node("b", "tool"))
        assert Story(graph).failing("a") == ["NodeFailed a", "NodeCancelled b", "InstanceFailed"]

    def test_a_node_whose_workers_keep_dying_fails(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        for _ in range(MAX_IDLE_CLAIMS + 1):
            turn = Turn(story.instance, story.now)
            claim(turn, new_id())
        assert isinstance(turn.events[-1], facts.NodeFailed)
        assert turn.events[-1].error.code == "worker_lost"


class TestCancelling:
    def test_ends_the_run_and_what_is_in_flight(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        turn = Turn(story.instance, story.now)
        turn.record(facts.InstanceCancelRequested, by="alice")
        assert story.commit(turn) == ["InstanceCancelRequested", "NodeCancelled a", "InstanceCancelled"]

    def test_an_ended_run_decides_nothing_more(self) -> None:
        story = Story(a_graph("start -> a"))
        assert story.instance.ended
        assert story.later(10) == []
