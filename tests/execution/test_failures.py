"""What answers a failure: a fallback, an error edge, the next try of the instance, or undoing what was done."""

from typing import Any

from contracts import instance_events as facts
from tests.support.builders import a_graph, a_node
from tests.support.story import Story, error_of, output_of, told


def booked(**config: Any) -> Story:
    """A flight and a hotel are booked, each with its undoing, before the car fails or does not."""
    return Story(
        a_graph(
            a_node("flight", "tool", compensate="no-flight"),
            a_node("hotel", "tool", compensate="no-hotel"),
            a_node("car", "tool"),
            a_node("no-flight", "tool", arguments={"booking": "${ compensated.output }"}),
            a_node("no-hotel", "tool"),
            "start -> flight",
            "flight -> hotel",
            "hotel -> car",
        ),
        **config,
    )


class TestFallback:
    def test_its_value_is_the_output_and_the_run_goes_on(self) -> None:
        story = Story(a_graph(a_node("a", "tool", fallback="${ input }"), "start -> a", "a -> b"), "spare")
        assert story.broken("a") == ["NodeFailed a", "NodeCompleted a", "NodeCompleted b", "InstanceCompleted"]
        completed = next(event for event in story.facts if isinstance(event, facts.NodeCompleted) and event.fell_back)
        assert completed.output == "spare"


class TestErrorEdges:
    GRAPH = a_graph(
        a_node("a", "tool"),
        a_node("late", output="${ error.type }"),
        a_node("bad", output="${ nodes.a.error.message }"),
        "start -> a",
        "a -> fine",
        "a -> late on timeout",
        "a -> bad on permanent if error.code == 'broken'",
    )

    def test_the_type_chooses_the_edge(self) -> None:
        story = Story(self.GRAPH)
        story.broken("a", "timeout")
        assert output_of(story) == {"late": "timeout"}

    def test_what_no_edge_catches_fails_the_run(self) -> None:
        story = Story(self.GRAPH)
        story.broken("a", "rejected")
        assert error_of(story).type == "rejected"

    def test_they_are_not_taken_when_all_went_well(self) -> None:
        story = Story(self.GRAPH)
        story.done("a")
        assert set(output_of(story)) == {"fine"}

    def test_a_pure_node_is_caught_too(self) -> None:
        graph = a_graph(a_node("a", output="${ input.nothing }"), "start -> a", "a -> b on any")
        assert output_of(Story(graph, {})) == {"b": "b"}


class TestCompensation:
    def test_what_was_done_is_undone_the_last_first(self) -> None:
        story = booked()
        story.done("flight", "F1")
        story.done("hotel", "H1")
        assert story.broken("car")[1:] == [
            "CompensationStarted",
            "CompensationBegun no-hotel",
            "NodeStarted no-hotel",
        ]
        assert story.done("no-hotel") == [
            "NodeCompleted no-hotel",
            "CompensationBegun no-flight",
            "NodeStarted no-flight",
        ]
        assert story.done("no-flight")[-1] == "InstanceFailed"
        assert error_of(story).node_id == "car"

    def test_a_cancelled_run_is_undone_and_then_cancelled(self) -> None:
        story = booked()
        story.done("flight")
        happened = story.hears(facts.InstanceCancelRequested, by="alice")
        assert happened[1:] == [
            "NodeCancelled hotel",
            "CompensationStarted",
            "CompensationBegun no-flight",
            "NodeStarted no-flight",
        ]
        assert story.done("no-flight")[-1] == "InstanceCancelled"

    def test_a_terminated_run_is_not_undone(self) -> None:
        story = booked()
        story.done("flight")
        assert story.hears(facts.InstanceTerminateRequested, by="alice")[-1] == "InstanceTerminated"
        assert story.instance.status == "terminated"

    def test_what_could_not_be_undone_is_named_and_the_rest_is_undone(self) -> None:
        story = booked()
        story.done("flight")
        story.done("hotel")
        story.broken("car")
        assert "NodeStarted no-flight" in story.broken("no-hotel")
        story.done("no-flight")
        assert "Not undone: hotel." in error_of(story).message

    def test_nothing_is_undone_when_all_went_well(self) -> None:
        story = booked()
        for node in ("flight", "hotel", "car"):
            story.done(node)
        assert told(story.facts)[-1] == "InstanceCompleted"

    def test_a_pass_of_a_loop_is_undone_with_what_it_did(self) -> None:
        body = a_graph(
            a_node("begin", "start"),
            a_node("book", "tool", compensate="unbook"),
            a_node("unbook", "tool", arguments={"item": "${ item }"}),
            "begin -> book",
            start="begin",
        )
        each = a_node("each", "loop", items=["a", "b"], body=body.model_dump(mode="json"))
        story = Story(a_graph(each, a_node("last", "tool"), "start -> each", "each -> last"))
        story.done("book", scope="each:1:1:0")
        story.done("book", scope="each:1:1:1")
        story.broken("last")
        assert next(iter(story.instance.running)).scope == "each:1:1:1"
        story.done("unbook", scope="each:1:1:1")
        assert next(iter(story.instance.running)).scope == "each:1:1:0"
        assert set(story.replayed().running) == set(story.instance.running)


class TestTheInstanceIsTriedAgain:
    def test_it_goes_on_from_the_failed_node_and_repeats_nothing(self) -> None:
        graph = a_graph(a_node("a", "tool"), a_node("b", "tool"), "start -> a", "a -> b")
        story = Story(graph, instance_retry={"max_attempts": 2, "retry_on": ["permanent"], "backoff_seconds": 60})
        story.done("a")
        assert story.broken("b")[1:] == ["InstanceRetryScheduled", "InstanceSuspended"]
        assert story.later(61) == ["InstanceRetried", "NodeStarted b"]
        story.broken("b", visit=1)
        assert error_of(story).node_id == "b"

    def test_a_person_may_retry_what_has_failed(self) -> None:
        graph = a_graph(a_node("a", "tool"), a_node("b", "tool"), "start -> a", "start -> b")
        story = Story(graph)
        story.broken("a")
        assert story.instance.status == "failed"
        assert story.hears(facts.InstanceRetried, by="alice") == ["InstanceRetried", "NodeStarted a", "NodeStarted b"]
        attempts = {visit.node_id: attempt.number for visit, attempt in story.instance.running.items()}
        assert attempts == {"a": 2, "b": 1}
