"""What an instance waits for, as its owner, its team and those who are only asked to decide see it."""

from typing import Any

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.message import Caller
from contracts.steering import OpenWait
from execution.domain.decisions.finishing import ChildRequested, settle
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.nodes.action import NodeFailure
from execution.steering.waits_view import waits_view
from tests.support.builders import ALICE, BOB, a_graph, a_node
from tests.support.story import NOON, Story

CAROL = Caller(user_id="carol")


def shown(story: Story, caller: Caller = ALICE) -> tuple[OpenWait, ...] | None:
    """The waits that the caller sees."""
    view = waits_view(story.instance, caller)
    return None if view is None else view.items


def resting(*nodes: Any) -> Story:
    """A run that comes to all of these nodes at once."""
    return Story(a_graph(*(f"start -> {node.id}" for node in nodes), *nodes))


def test_everything_is_shown_to_the_owner() -> None:
    race = a_node("race", "race", waits={"paid": {"signal": "paid", "key": "7"}, "ok": {"approval": {"title": "Pay?"}}})
    story = resting(race, a_node("nap", "delay", seconds=60))
    waits = {(wait.node_id, wait.label): wait for wait in shown(story) or ()}
    paid, ok, nap = waits["race", "paid"], waits["race", "ok"], waits["nap", ""]
    assert (paid.kind, paid.name, paid.key, paid.title) == ("signal", "paid", "7", None)
    assert (ok.kind, ok.name, ok.title) == ("approval", None, "Pay?")
    assert (nap.kind, nap.due_at, nap.visit, nap.scope) == ("time", story.instance.resumes_at, 1, "")


def test_another_run_and_a_place_in_a_section_are_waits_too() -> None:
    call = a_node("call", "blueprint", blueprint_id="b")
    story = resting(call, a_node("locked", "tool", concurrency={"key": "'a'", "limit": 1}))
    child_id = new_id()
    story.settled(Visit("call", 1), ChildRequested(child_id, new_id(), 1, detached=False))
    section = f"{story.instance.request.blueprint_id}/a"
    assert {(wait.node_id, wait.kind, wait.name) for wait in shown(story) or ()} == {
        ("call", "instance", str(child_id)),
        ("locked", "section", section),
    }


def test_who_is_asked_by_name_sees_that_alone() -> None:
    mine = a_node("mine", "approval", approvers={"users": ["carol"]})
    story = resting(mine, a_node("theirs", "approval"), a_node("called", "signal", name="go"))
    assert [wait.node_id for wait in shown(story, CAROL) or ()] == ["mine"]
    assert shown(story, BOB) is None
    story.hears(facts.ApprovalDecided, node_id="mine", visit=1, approved=True, by="carol")
    assert shown(story, CAROL) is None


def test_what_has_ended_waits_for_nothing() -> None:
    story = resting(a_node("called", "signal", name="go"))
    story.signal("go")
    view = waits_view(story.instance, ALICE)
    assert view is not None
    assert (view.status, view.items) == ("completed", ())


def test_another_attempt_is_waited_for_as_a_time() -> None:
    story = resting(a_node("work", "tool"))
    turn = Turn(story.instance, NOON)
    settle(turn, Visit("work", 1), 1, NodeFailure("transient", "broken", "It broke."))
    turn.record(facts.NodeRetryScheduled, node_id="work", visit=1, attempt=2, due_at=NOON)
    assert [(wait.node_id, wait.kind, wait.label) for wait in shown(story) or ()] == [("work", "time", "retry")]
