"""Variables, loops over them, and waits, decided from history and time alone."""

from datetime import timedelta

from tests.support.builders import a_graph, a_node
from tests.support.story import NOON, Story, output_of, told


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
