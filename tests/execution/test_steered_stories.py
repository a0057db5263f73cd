"""Pausing, resuming, terminating, retrying and giving up a node, decided from history and time alone."""

from datetime import timedelta

from contracts import instance_events as facts
from tests.support.builders import a_graph, a_node
from tests.support.story import NOON, Story, output_of, told

NAP = a_graph("start -> nap", "nap -> after", a_node("nap", "delay", seconds=60))
WORK = a_graph("start -> work", "work -> after", a_node("work", "tool"))
CALLED = a_graph("start -> called", "called -> after", a_node("called", "signal", name="call"))


class TestAPause:
    def test_waits_for_what_is_in_flight_and_begins_nothing(self) -> None:
        story = Story(WORK)
        assert story.hears(facts.InstancePauseRequested, by="alice") == ["InstancePauseRequested"]
        assert story.done("work") == ["NodeCompleted work", "InstancePaused"]
        assert story.instance.status == "paused"

    def test_holds_back_timers_until_it_is_over(self) -> None:
        story = Story(NAP)
        story.hears(facts.InstancePauseRequested, by="alice")
        assert story.instance.wakes_at is None
        assert story.later(3600) == []
        assert "NodeCompleted nap" in story.hears(facts.InstanceResumed, by="alice")

    def test_keeps_signals_for_afterwards(self) -> None:
        story = Story(CALLED)
        story.hears(facts.InstancePauseRequested, by="alice")
        story.signal("call", 7)
        assert story.instance.status == "paused"
        story.hears(facts.InstanceResumed, by="alice")
        assert "NodeCompleted called" in told(story.facts)

    def test_is_not_counted_to_the_time_that_the_run_has(self) -> None:
        story = Story(CALLED, timeout_seconds=100)
        story.hears(facts.InstancePauseRequested, by="alice")
        story.later(1000)
        story.hears(facts.InstanceResumed, by="alice")
        assert story.instance.status == "waiting"
        assert story.instance.deadline == NOON + timedelta(seconds=1100)

    def test_ends_when_the_run_is_to_end(self) -> None:
        story = Story(CALLED)
        story.hears(facts.InstancePauseRequested, by="alice")
        assert story.hears(facts.InstanceCancelRequested, by="alice")[-1] == "InstanceCancelled"

    def test_of_a_run_that_fails_meanwhile_does_not_outlive_its_retry(self) -> None:
        story = Story(WORK)
        story.hears(facts.InstancePauseRequested, by="alice")
        story.broken("work")
        assert story.instance.status == "failed"
        assert "NodeStarted work" in story.hears(facts.InstanceRetried, by="alice")


class TestTerminating:
    def test_undoes_nothing(self) -> None:
        undone = a_node("work", "tool", compensate="undo")
        graph = a_graph("start -> work", "work -> called", *CALLED.nodes[:1], undone, a_node("undo", "tool"))
        story = Story(graph)
        story.done("work")
        told = story.hears(facts.InstanceTerminateRequested, by="alice")
        assert told[-2:] == ["NodeCancelled called", "InstanceTerminated"]
        assert "CompensationStarted" not in told


class TestARetry:
    def test_goes_on_from_what_had_failed_and_repeats_nothing(self) -> None:
        graph = a_graph("start -> before", "before -> work", a_node("before", "tool"), a_node("work", "tool"))
        story = Story(graph)
        story.done("before")
        story.broken("work")
        assert story.hears(facts.InstanceRetried, by="alice")[1:] == ["NodeStarted work"]
        story.done("work", "done")
        assert output_of(story) == {"work": "done"}

    def test_waits_again_for_what_was_given_up_and_finds_what_came(self) -> None:
        graph = a_graph("start -> work", "start -> called", a_node("work", "tool"), *CALLED.nodes[:1])
        story = Story(graph)
        story.broken("work")
        assert story.instance.waits == {}
        story.hears(facts.InstanceRetried, by="alice")
        story.signal("call", "late")
        story.done("work")
        assert output_of(story)["called"] == "late"

    def test_queues_again_for_the_section_that_it_had_left(self) -> None:
        story = Story(WORK, "x", concurrency={"key": "input", "limit": 1})
        section = f"{story.instance.request.blueprint_id}/x"
        story.hears(facts.SectionEntered, section_key=section)
        assert story.broken("work")[-2:] == ["SectionLeft", "InstanceFailed"]
        assert story.hears(facts.InstanceRetried, by="alice")[1:] == ["SectionRequested"]
        assert "NodeStarted work" in story.hears(facts.SectionEntered, section_key=section)


class TestGivingUpANode:
    def test_lets_the_other_branches_go_on(self) -> None:
        story = Story(a_graph("start -> called", "start -> work", *CALLED.nodes[:1], a_node("work", "tool")))
        assert story.hears(facts.NodeCancelRequested, node_id="called", by="alice")[1:] == ["NodeCancelled called"]
        story.done("work", 1)
        assert output_of(story) == {"work": 1}

    def test_goes_on_by_the_edge_that_catches_it(self) -> None:
        graph = a_graph(*CALLED.nodes[:1], "start -> called", "called -> after")
        caught = graph.model_copy(
            update={"edges": (graph.edges[0], graph.edges[1].model_copy(update={"on_error": ("cancelled",)}))}
        )
        story = Story(caught)
        assert "NodeCompleted after" in story.hears(facts.NodeCancelRequested, node_id="called", by="alice")
