"""Signals, approvals, times and races of them, decided from history and time alone."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import a_graph, a_node
from tests.support.story import NOON, Story, output_of, told


def waiting_for(node_type: str, input: Any = None, **config: Any) -> Story:
    """A run that comes to one wait and answers with its output."""
    wait = a_node("wait", node_type, **config)
    return Story(a_graph("start -> wait", "wait -> end", wait, a_node("end", "end", output="${ nodes.wait }")), input)


def error_of(story: Story) -> tuple[str, str]:
    """Type and code of what a failed run failed with."""
    assert story.instance.error is not None
    return story.instance.error.type, story.instance.error.code


class TestASignal:
    def test_is_waited_for_at_rest_and_for_ever(self) -> None:
        story = waiting_for("signal", name="paid")
        assert told(story.facts)[-3:] == ["NodeStarted wait", "WaitStarted wait", "InstanceSuspended"]
        assert story.instance.resumes_at is None

    def test_ends_the_wait_with_its_payload(self) -> None:
        story = waiting_for("signal", name="paid")
        assert story.signal("paid", {"cents": 100})[2:4] == ["WaitEnded wait", "NodeCompleted wait"]
        assert output_of(story) == {"cents": 100}

    def test_of_another_name_changes_nothing(self) -> None:
        story = waiting_for("signal", name="paid")
        story.signal("shipped")
        assert "WaitEnded wait" not in told(story.facts)
        assert not story.instance.stirred

    def test_that_came_early_is_taken_as_soon_as_somebody_waits(self) -> None:
        nap, wait = a_node("nap", "delay", seconds=60), a_node("wait", "signal", name="go")
        story = Story(a_graph("start -> nap", "nap -> wait", nap, wait))
        story.signal("go", 1)
        story.signal("go", 2)
        story.later(60)
        assert output_of(story) == {"wait": 1}
        assert [signal.payload for signal in story.instance.signals] == [2]

    def test_is_used_up_by_one_wait(self) -> None:
        pair = [a_node(id, "signal", name="go") for id in ("one", "two")]
        story = Story(a_graph("start -> one", "start -> two", *pair))
        story.signal("go", "first")
        assert len(story.instance.waits) == 1
        story.signal("go", "second")
        assert output_of(story) == {"one": "first", "two": "second"}

    def test_with_a_key_is_taken_only_by_a_wait_for_that_key(self) -> None:
        story = waiting_for("signal", {"order": 7}, name="paid", key="${ input.order }")
        story.signal("paid", "theirs", key="8")
        assert story.instance.status == "waiting"
        story.signal("paid", "mine", key="7")
        assert output_of(story) == "mine"

    def test_sent_to_the_instance_itself_needs_no_key(self) -> None:
        story = waiting_for("signal", {"order": 7}, name="paid", key="${ input.order }")
        story.signal("paid", "direct")
        assert output_of(story) == "direct"

    @pytest.mark.parametrize("key", [None, True, [1], "", "x" * 513])
    def test_has_a_key_of_text_or_a_number(self, key: Any) -> None:
        story = waiting_for("signal", {"key": key}, name="paid", key="${ input.key }")
        assert error_of(story) == ("permanent", "bad_key")

    def test_that_takes_too_long_fails_its_node(self) -> None:
        story = waiting_for("signal", name="paid", timeout_seconds=30)
        assert story.instance.resumes_at == NOON + timedelta(seconds=30)
        story.later(30)
        assert error_of(story) == ("timeout", "node_timeout")


class TestAnApproval:
    def test_answers_with_who_decided_and_what(self) -> None:
        story = waiting_for("approval", title="Order")
        story.decide("wait", approved=True)
        assert output_of(story) == {"approved": True, "by": "bob", "comment": None, "form": None}

    def test_rejected_fails_the_node_unless_the_edges_are_to_ask(self) -> None:
        strict, lenient = waiting_for("approval"), waiting_for("approval", on_reject="continue")
        strict.decide("wait", approved=False)
        lenient.decide("wait", approved=False)
        assert error_of(strict) == ("rejected", "rejected")
        assert output_of(lenient)["approved"] is False

    def test_the_first_decision_counts(self) -> None:
        story = waiting_for("approval")
        story.decide("wait", approved=True)
        story.decide("wait", approved=False)
        assert output_of(story)["approved"] is True

    @pytest.mark.parametrize(
        ("on_deadline", "outcome"),
        [("approve", True), ("fail", ("timeout", "approval_deadline")), ("reject", ("rejected", "rejected"))],
    )
    def test_has_a_deadline_at_which_something_happens(self, on_deadline: str, outcome: Any) -> None:
        story = waiting_for("approval", deadline_seconds=3600, on_deadline=on_deadline)
        assert story.later(3599) == []
        story.later(1)
        if outcome is True:
            assert output_of(story) == {"approved": True, "by": None, "comment": None, "form": None}
        else:
            assert error_of(story) == outcome

    def test_what_is_asked_is_recorded_with_the_wait(self) -> None:
        story = waiting_for("approval", {"sum": 9}, title="Pay ${ input.sum }", approvers={"users": ["carol"]})
        [wait] = story.instance.waits.values()
        assert wait.waits_for[0].terms == {"title": "Pay 9", "approvers": {"users": ["carol"]}}

    def test_has_a_title_that_is_text_whatever_the_data_are(self) -> None:
        story = waiting_for("approval", 9, title="${ input }")
        [wait] = story.instance.waits.values()
        assert wait.waits_for[0].terms == {"title": "9"}

    @pytest.mark.parametrize("users", ["bob", [], None, [7], [""], {"bob": 1}])
    def test_whose_approvers_are_no_names_is_asked_of_nobody(self, users: Any) -> None:
        story = waiting_for("approval", users, approvers={"users": "${ input }"})
        assert error_of(story) == ("permanent", "bad_approvers")

    def test_names_whom_the_data_name(self) -> None:
        story = waiting_for("approval", ["bob"], approvers={"users": "${ input }", "teams": []})
        [wait] = story.instance.waits.values()
        assert wait.waits_for[0].terms == {"approvers": {"users": ["bob"], "teams": []}}

    def test_whose_form_is_no_schema_is_asked_of_nobody(self) -> None:
        story = waiting_for("approval", "nothing", form={"type": "${ input }"})
        assert error_of(story) == ("permanent", "bad_form")


class TestATime:
    def test_named_by_the_data_is_waited_for(self) -> None:
        story = waiting_for("until", "2026-01-02T13:00:00+01:00", time="${ input }")
        assert story.instance.status == "completed"
        story = waiting_for("until", "2026-01-02T14:00:00+01:00", time="${ input }")
        assert story.instance.resumes_at == NOON + timedelta(hours=1)
        story.later(3600)
        assert output_of(story) is None

    @pytest.mark.parametrize("time", ["soon", "2026-01-02T14:00:00", 7, None])
    def test_that_is_none_fails_the_node(self, time: Any) -> None:
        story = waiting_for("until", time, time="${ input }")
        story.later()
        assert error_of(story) == ("permanent", "bad_time")


RACE = {
    "paid": {"signal": "paid"},
    "refused": {"approval": {"on_reject": "continue", "deadline_seconds": 100, "on_deadline": "reject"}},
    "late": {"seconds": 60},
}


class TestARace:
    @pytest.mark.parametrize(
        ("first", "winner"),
        [
            (lambda story: story.signal("paid", 5), "paid"),
            (lambda story: story.decide("wait", approved=False, label="refused"), "refused"),
            (lambda story: story.later(60), "late"),
        ],
    )
    def test_is_won_by_what_comes_first(self, first: Any, winner: str) -> None:
        story = waiting_for("race", waits=RACE)
        first(story)
        assert output_of(story)["winner"] == winner

    def test_leaves_a_signal_that_came_after_the_time_to_others(self) -> None:
        story = waiting_for("race", waits={"late": {"seconds": 60}, "paid": {"signal": "paid"}})
        story.now += timedelta(seconds=61)
        story.signal("paid", "too late")
        assert output_of(story) == {"winner": "late", "output": None}
        assert [signal.payload for signal in story.instance.signals] == ["too late"]

    def test_rests_until_the_earliest_of_its_times(self) -> None:
        assert waiting_for("race", waits=RACE).instance.resumes_at == NOON + timedelta(seconds=60)

    def test_goes_on_the_same_after_its_facts_were_told_again(self) -> None:
        story = waiting_for("race", waits=RACE)
        again = story.replayed()
        assert (again.waits, again.resumes_at) == (story.instance.waits, story.instance.resumes_at)
