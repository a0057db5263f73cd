"""A visit that runs another blueprint: waits for it, takes its answer, and gives it up, all decided from the facts."""

from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.workflow import Node
from execution.domain.decisions.finishing import ChildRequested
from execution.domain.visits import Visit
from execution.families.lineage import child_id_of, parent_of
from tests.support.builders import a_graph, a_node, an_id
from tests.support.story import Story, error_of, output_of

CALL = Visit("call", 1)


def calling(**config: Any) -> Node:
    """A node that runs a blueprint."""
    return a_node("call", "blueprint", blueprint_id=str(an_id(7)), **config)


def story_of(*parts: Node | str, config: dict[str, Any] | None = None, **of_node: Any) -> Story:
    """A run of one call between start and end."""
    return Story(a_graph(calling(**of_node), "start -> call", *parts), **(config or {}))


def begin(story: Story, visit: Visit = CALL, *, detached: bool = False) -> UUID:
    """The child has been requested; answers its id."""
    attempt = story.instance.running[visit].number
    child_id = child_id_of(story.instance.id, visit, attempt)
    story.settled(visit, ChildRequested(child_id, an_id(7), 3, detached))
    return child_id


def end(story: Story, child_id: UUID, outcome: str = "completed", **said: Any) -> list[str]:
    """The child has ended."""
    return story.hears(facts.ChildEnded, child_id=child_id, outcome=outcome, **said)


class TestWaitingForAChild:
    def test_costs_no_memory_until_it_ends(self) -> None:
        story = story_of()
        begin(story)
        assert (story.instance.status, story.instance.resumes_at) == ("waiting", None)

    def test_answers_what_the_child_answered(self) -> None:
        story = story_of()
        end(story, begin(story), output={"total": 3})
        assert output_of(story) == {"call": {"total": 3}}

    def test_fails_as_the_child_failed(self) -> None:
        story = story_of()
        end(story, begin(story), "failed", error=RunError(type="rejected", code="no", message="Not today."))
        assert (error_of(story).type, error_of(story).code) == ("rejected", "child_failed")
        assert "Not today." in error_of(story).message

    @pytest.mark.parametrize("outcome", ["cancelled", "terminated"])
    def test_fails_when_the_child_was_stopped(self, outcome: str) -> None:
        story = story_of()
        end(story, begin(story), outcome)
        assert (error_of(story).type, error_of(story).code) == ("cancelled", f"child_{outcome}")

    def test_the_first_end_counts(self) -> None:
        story = story_of(a_node("then", "tool"), "call -> then")
        child_id = begin(story)
        end(story, child_id, output=1)
        end(story, child_id, "failed")
        story.done("then", "done")
        assert story.instance.outputs == {"start": None, "call": 1, "then": "done"}

    def test_an_end_that_comes_before_the_start_was_recorded_is_kept_for_it(self) -> None:
        story = story_of()
        child_id = child_id_of(story.instance.id, CALL, 1)
        end(story, child_id, output="at once")
        begin(story)
        assert output_of(story) == {"call": "at once"}
        assert not story.instance.offspring

    def test_takes_no_longer_than_its_timeout(self) -> None:
        story = story_of(timeout_seconds=30)
        begin(story)
        assert story.later(29) == []
        story.later(1)
        assert (error_of(story).code, error_of(story).type) == ("node_timeout", "timeout")

    def test_the_end_of_a_child_that_was_given_up_changes_nothing(self) -> None:
        story = Story(
            a_graph(
                calling(timeout_seconds=5),
                a_node("other", "tool"),
                "start -> call",
                "call -> never",
                "call -> other on timeout",
            )
        )
        child_id = begin(story)
        story.later(5)
        assert not [fact for fact in end(story, child_id, output="late") if fact.startswith("Node")]
        story.done("other", "in time")
        assert output_of(story) == {"other": "in time"}

    def test_what_it_waits_for_can_be_told_again_from_the_facts(self) -> None:
        story = story_of()
        child_id = begin(story)
        again = story.replayed()
        assert (set(again.children), set(again.offspring), again.status) == ({child_id}, {child_id}, "waiting")


class TestADetachedChild:
    def test_is_not_waited_for(self) -> None:
        story = story_of(wait=False)
        child_id = begin(story, detached=True)
        assert output_of(story) == {"call": {"instance_id": str(child_id)}}

    def test_does_not_go_along_with_its_parent(self) -> None:
        story = story_of(a_node("then", "tool"), "call -> then", wait=False)
        begin(story, detached=True)
        assert not story.instance.offspring


class TestTheChildsName:
    def test_stays_the_same_after_a_crash_and_changes_with_a_retry(self) -> None:
        parent = new_id()
        assert child_id_of(parent, CALL, 1) == child_id_of(parent, CALL, 1)
        ids = {child_id_of(parent, visit, attempt) for visit in (CALL, Visit("call", 2)) for attempt in (1, 2)}
        assert len(ids | {child_id_of(new_id(), CALL, 1)}) == 5

    def test_a_retry_of_the_parent_starts_another_child(self) -> None:
        story = story_of(config={"instance_retry": {"retry_on": ["permanent"], "backoff_seconds": 1}})
        first = begin(story)
        end(story, first, "failed", error=RunError(type="permanent", code="no", message="No."))
        story.later(1)
        assert begin(story) != first

    def test_so_does_one_whose_request_was_on_its_way_when_the_run_failed(self) -> None:
        graph = a_graph(calling(), a_node("work", "tool"), "start -> call", "start -> work")
        story = Story(graph, instance_retry={"retry_on": ["permanent"], "backoff_seconds": 1})
        story.broken("work")
        story.later(1)
        assert story.instance.running[CALL].number == 2


class TestLineage:
    def test_a_child_knows_its_parent_and_the_first_of_the_family(self) -> None:
        story = story_of()
        parent = parent_of(story.instance, CALL, detached=False)
        assert (parent.instance_id, parent.root_id, parent.depth) == (story.instance.id, story.instance.id, 1)

    def test_a_grandchild_is_one_deeper(self) -> None:
        story = story_of()
        above = facts.Parent(
            instance_id=an_id(1), node_id="x", visit=1, scope="", root_id=an_id(2), depth=4, detached=False
        )
        story.instance.requested = story.instance.request.model_copy(update={"parent": above})
        parent = parent_of(story.instance, CALL, detached=True)
        assert (parent.root_id, parent.depth, parent.detached) == (an_id(2), 5, True)


class TestAMapOverABlueprint:
    def test_starts_a_child_for_every_item(self) -> None:
        call = {"blueprint_id": str(an_id(7)), "input": "${ item }"}
        story = Story(a_graph(a_node("each", "map", items=[1, 2], blueprint=call), "start -> each"))
        ids = [begin(story, Visit("each.call", 1, f"each:1:1:{index}")) for index in (0, 1)]
        end(story, ids[1], output="two")
        end(story, ids[0], output="one")
        assert output_of(story)["each"]["results"] == ["one", "two"]
