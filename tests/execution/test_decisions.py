"""What happens next, decided from history and time alone: given facts, when a turn is taken, then facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.workflow import BlueprintConfig, WorkflowGraph
from execution import door
from execution.decisions import MAX_IDLE_CLAIMS, Turn
from execution.domain import Instance, OutOfOrder
from execution.graph import CompiledGraph
from execution.nodes.action import NodeFailure, NodeResult
from tests.support.builders import a_graph, a_node, a_reference, an_execution

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WORKER = new_id()


class Story:
    """One instance lived turn by turn, without any I/O."""

    def __init__(self, graph: WorkflowGraph, input: Any = None, **config: Any) -> None:
        self.graph = CompiledGraph(graph)
        command = an_execution(a_reference(), input)
        self.instance = Instance(command.instance_id, self.graph)
        self.now = NOON
        self.facts: list[facts.InstanceEvent] = []
        turn = Turn(self.instance, self.now)
        turn.take(door.requested(command, BlueprintConfig(**config), NOON, WORKER))
        self.commit(turn)

    def commit(self, turn: Turn) -> list[str]:
        turn.advance()
        self.facts += turn.events
        return told(turn.events)

    def later(self, seconds: float = 0) -> list[str]:
        self.now += timedelta(seconds=seconds)
        return self.commit(Turn(self.instance, self.now))

    def done(self, node_id: str, output: Any = None, *, seconds: float = 1, visit: int = 1) -> list[str]:
        self.now += timedelta(seconds=seconds)
        turn = Turn(self.instance, self.now)
        turn.settle((node_id, visit), self.instance.running[node_id, visit].number, NodeResult(output))
        return self.commit(turn)

    def failing(self, node_id: str, type: Any = "permanent") -> list[str]:
        turn = Turn(self.instance, self.now)
        turn.settle((node_id, 1), 1, NodeFailure(type, "broken", "It broke."))
        self.facts += turn.events
        return [*told(turn.events), *self.later()]

    def replayed(self) -> Instance:
        return Instance.replay(self.instance.id, self.facts, CompiledGraph(a_graph_of(self.graph)))


def a_graph_of(graph: CompiledGraph) -> WorkflowGraph:
    return WorkflowGraph(nodes=tuple(graph.nodes.values()), edges=graph.edges)


def told(events: list[facts.InstanceEvent]) -> list[str]:
    return [f"{type(e).__name__} {e.node_id}" if isinstance(e, facts.NodeEvent) else type(e).__name__ for e in events]


def output_of(story: Story) -> Any:
    assert story.instance.status == "completed", story.instance.error
    return story.instance.output


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
        turn.settle(("a", 1), 1, NodeResult("again"))
        turn.settle(("b", 1), 2, NodeResult("another attempt"))
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


class TestExecutors:
    GRAPH = a_graph("start -> a", "start -> b", "a -> end", "b -> end", a_node("a", "tool"), a_node("b", "tool"))

    def test_parallel_begins_every_ready_node(self) -> None:
        story = Story(self.GRAPH, executor="parallel")
        assert set(story.instance.running) == {("a", 1), ("b", 1)}

    def test_parallel_keeps_to_its_limit(self) -> None:
        story = Story(self.GRAPH, executor="parallel", max_parallel=1)
        assert set(story.instance.running) == {("a", 1)}

    def test_sequential_begins_one_after_the_other(self) -> None:
        story = Story(self.GRAPH, executor="sequential")
        assert set(story.instance.running) == {("a", 1)}
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
        assert story.later() == ["InstanceFailed"]
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


class TestVariables:
    def test_loops_count_until_their_condition_ends_them(self) -> None:
        graph = a_graph(
            "start -> add",
            "add -> check",
            "check -> add if vars.n < 3",
            "check -> end",
            a_node("add", "variable", operation="increment", name="n"),
            a_node("check", "condition"),
            a_node("end", "end", output="${ vars.n }"),
        )
        story = Story(graph)
        assert output_of(story) == 3
        assert told(story.facts).count("NodeCompleted add") == 3

    def test_a_node_visited_too_often_fails_the_run(self) -> None:
        graph = a_graph("start -> a", "a -> b", "b -> a if true", "b -> end if false")
        story = Story(graph, max_visits=4)
        assert story.instance.error is not None
        assert story.instance.error.code == "too_many_visits"


class TestWaiting:
    GRAPH = a_graph("start -> wait", "wait -> after", a_node("wait", "delay", seconds="${ input }"))

    def test_a_delay_is_a_recorded_time_and_the_instance_rests(self) -> None:
        story = Story(self.GRAPH, 30)
        assert told(story.facts)[-3:] == ["NodeStarted wait", "TimerScheduled wait", "InstanceSuspended"]
        assert story.instance.resumes_at == NOON + timedelta(seconds=30)

    def test_nothing_happens_before_its_time(self) -> None:
        assert Story(self.GRAPH, 30).later(29) == []

    def test_goes_on_when_the_time_has_come(self) -> None:
        story = Story(self.GRAPH, 30)
        assert story.later(30) == ["NodeCompleted wait", "NodeCompleted after", "InstanceCompleted"]

    def test_a_time_that_is_none_fails_the_node(self) -> None:
        story = Story(self.GRAPH, "soon")
        story.later()
        assert story.instance.error is not None
        assert story.instance.error.code == "bad_delay"

    def test_the_deadline_of_the_run_ends_a_wait(self) -> None:
        story = Story(self.GRAPH, 3600, timeout_seconds=10)
        assert story.instance.resumes_at == NOON + timedelta(seconds=10)
        assert story.later(10) == ["NodeCancelled wait", "InstanceFailed"]
        assert story.instance.error is not None
        assert story.instance.error.type == "timeout"


class TestFailing:
    def test_an_unanswered_failure_fails_the_run_and_lets_go_of_the_rest(self) -> None:
        graph = a_graph("start -> a", "start -> b", a_node("a", "tool"), a_node("b", "tool"))
        assert Story(graph).failing("a") == ["NodeFailed a", "NodeCancelled b", "InstanceFailed"]

    def test_a_node_whose_workers_keep_dying_fails(self) -> None:
        story = Story(a_graph("start -> a", a_node("a", "tool")))
        for _ in range(MAX_IDLE_CLAIMS + 1):
            turn = Turn(story.instance, story.now)
            turn.claim(new_id())
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
