"""Where a run could turn in circles, wake for nothing, or keep what nobody needs any more."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.workflow import Node
from execution.domain.turn import Turn
from tests.support.builders import a_graph, a_node
from tests.support.story import NOON, Story, error_of, output_of

BROKEN = RunError(type="permanent", code="broken", message="It broke.")
LOCKED = {"concurrency": {"key": "'till'"}}
BOOKED = (a_node("book", "tool", compensate="release"), a_node("release", "tool"))


def a_body(*parts: Node | str) -> dict[str, Any]:
    return a_graph(a_node("begin", "start"), *parts, start="begin").model_dump(mode="json")


def entered(story: Story) -> list[str]:
    """Whoever queues for a section is let in."""
    wanted = next(iter(story.instance.queueing.values()))
    of = {"node_id": wanted.node_id, "visit": wanted.visit, "scope": wanted.scope}
    return story.hears(facts.SectionEntered, section_key=wanted.section_key, **of)


class TestWakingForNothing:
    """A moment that has passed is no reason to wake: the run would rest and wake without end."""

    def test_a_deadline_that_has_passed_does_not_wake_a_run_that_is_being_undone(self) -> None:
        story = Story(a_graph("start -> book", "book -> work", a_node("work", "tool"), *BOOKED), timeout_seconds=10)
        story.done("book")
        assert "CompensationStarted" in story.later(20)
        assert story.instance.wakes_at is None

    def test_a_run_that_is_tried_again_later_wakes_at_that_time_alone(self) -> None:
        again = {"max_attempts": 2, "backoff_seconds": 60, "jitter": False}
        story = Story(a_graph("start -> work", a_node("work", "tool")), timeout_seconds=10, instance_retry=again)
        story.later(1)
        story.failing("work", "transient")
        assert story.instance.wakes_at == NOON + timedelta(seconds=61)

    def test_an_admission_that_is_over_does_not_wake_a_run_that_queues(self) -> None:
        story = Story(a_graph("start -> work"), concurrency={"key": "'till'"})
        turn = Turn(story.instance, story.now)
        turn.record(facts.InstanceThrottled, limit_key="k", due_at=NOON + timedelta(seconds=5))
        story.commit(turn)
        story.later(10)
        assert story.instance.wakes_at is None


class TestSections:
    def test_a_pass_does_not_wait_for_the_place_of_one_that_failed(self) -> None:
        body = a_body("begin -> work", a_node("work", "tool", **LOCKED))
        tolerant = a_node("each", "map", items=[1, 2], max_concurrency=1, tolerated_failures=1, body=body)
        story = Story(a_graph("start -> each", tolerant))
        entered(story)
        assert "SectionLeft" in story.broken("work", scope="each:1:1:0")
        entered(story)
        story.done("work", "fine", scope="each:1:1:1")
        assert output_of(story)["each"]["succeeded"] == 1

    def test_a_visit_that_is_cancelled_before_it_begins_gives_its_place_back(self) -> None:
        graph = a_graph("start -> slow", "start -> work", a_node("slow", "tool"), a_node("work", "tool", **LOCKED))
        story = Story(graph, max_parallel=1)
        turn = Turn(story.instance, story.now)
        of = {"node_id": "work", "visit": 1}
        turn.record(facts.SectionRequested, section_key="till", limit=1, **of)
        turn.record(facts.SectionEntered, section_key="till", **of)
        story.commit(turn)
        assert "SectionLeft" in story.hears(facts.NodeCancelRequested, node_id="work", by="bob")


class TestWaysBack:
    @pytest.mark.parametrize("policy", [{}, {"fallback": "spare"}])
    def test_an_error_edge_that_leads_back_ends_at_the_limit_of_visits(self, policy: dict[str, Any]) -> None:
        work = a_node("work", "transform", output="${ nodes.nowhere }")
        again = a_node("again", "transform", output="${ nodes.nowhere }", **policy)
        graph = a_graph("start -> work", "work -> again on any", "again -> work on any", "again -> work", work, again)
        assert error_of(Story(graph, max_visits=3)).code == "too_many_visits"

    def test_an_error_edge_that_leads_on_catches_a_visit_too_many(self) -> None:
        work = a_node("work", "transform", output="${ nodes.nowhere }")
        graph = a_graph("start -> work", "work -> work on permanent if error.code != 'too_many_visits'",
                        "work -> after on any if error.code == 'too_many_visits'", work)  # fmt: skip
        assert output_of(Story(graph, max_visits=3)) == {"after": "after"}


class TestAPassThatIsBrokenOff:
    BODY = a_body(
        "begin -> one", "begin -> other", "begin -> leave", "one -> both", "other -> both", "leave -> out",
        a_node("one", "tool"), a_node("other", "tool"), a_node("leave", "tool"), a_node("out", "break"),
        a_node("both", "transform", join={"kind": "n_of_m", "n": 2}),
    )  # fmt: skip
    GRAPH = a_graph("start -> round", a_node("round", "loop", items=[1, 2], body=BODY))

    def test_leaves_no_join_behind_that_could_not_be_reached(self) -> None:
        story = Story(self.GRAPH)
        story.done("one", scope="round:1:1:0")
        story.done("leave", scope="round:1:1:0")
        assert story.instance.status == "completed"
        assert not story.instance.ready

    def test_is_not_asked_what_failed_in_it_at_the_same_moment(self) -> None:
        story = Story(self.GRAPH)
        place = {"visit": 1, "attempt": 1, "scope": "round:1:1:0"}
        story.done("one", scope="round:1:1:0")
        turn = Turn(story.instance, story.now)
        turn.record(facts.NodeCompleted, node_id="leave", **place, node_type="tool", output=None, taken=(5,))
        turn.record(facts.NodeCompleted, node_id="out", **place, node_type="break", output=None, taken=())
        turn.record(facts.NodeFailed, node_id="other", **place, node_type="tool", error=BROKEN)
        turn.record(facts.BodyCompleted, node_id="round", visit=1, attempt=1, index=0, output=None, broke=True)
        story.commit(turn)
        assert story.instance.status == "completed"


class TestARetry:
    def test_gives_a_body_that_took_too_long_its_whole_time_again(self) -> None:
        body = a_body("begin -> work", a_node("work", "tool"))
        story = Story(a_graph("start -> part", a_node("part", "region", timeout_seconds=60, body=body)))
        story.later(100)
        assert error_of(story).code == "node_timeout"
        assert "NodeStarted work" in story.hears(facts.InstanceRetried, by="alice")
        story.done("work", "fine", seconds=50, scope="part:1:1:0")
        assert output_of(story) == {"part": {"work": "fine"}}


class TestACancel:
    def test_ends_a_pause_that_would_keep_the_run_from_being_undone(self) -> None:
        story = Story(a_graph("start -> book", "book -> called", a_node("called", "signal", name="go"), *BOOKED))
        story.done("book")
        story.hears(facts.InstancePauseRequested, by="alice")
        assert "NodeStarted release" in story.hears(facts.InstanceCancelRequested, by="alice")
        assert story.done("release")[-1] == "InstanceCancelled"

    def test_of_a_run_that_is_to_be_tried_again_undoes_it_at_once_and_tries_nothing(self) -> None:
        again = {"max_attempts": 2, "backoff_seconds": 60}
        graph = a_graph("start -> book", "book -> work", a_node("work", "tool"), *BOOKED)
        story = Story(graph, instance_retry=again)
        story.done("book")
        story.failing("work", "transient")
        assert "NodeStarted release" in story.hears(facts.InstanceCancelRequested, by="alice")
        story.later(100)
        assert story.done("release")[-1] == "InstanceCancelled"
