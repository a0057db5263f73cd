"""Loops, maps and regions: passes, what they see, what they answer, how they end early."""

from typing import Any

from contracts import instance_events as facts
from contracts.workflow import Node
from tests.support.builders import a_graph, a_node
from tests.support.story import Story, error_of, output_of, told


def a_body(*parts: Node | str, start: str = "begin") -> dict[str, Any]:
    """A graph as a node's configuration holds it."""
    return a_graph(a_node(start, "start"), *parts, start=start).model_dump(mode="json")


def story_of(type: str, *body: Node | str, input: Any = None, **config: Any) -> Story:
    """A run of one body node, `over`, between start and end."""
    return Story(a_graph(a_node("over", type, body=a_body(*body), **config), "start -> over"), input)


DOUBLE = (a_node("double", output="${ item * 2 }"), "begin -> double")


class TestLoopOverItems:
    def test_each_item_has_its_pass_in_order(self) -> None:
        story = story_of("loop", a_node("work", "tool"), "begin -> work", items="${ input }", input=[1, 2])
        assert story.done("work", "one", scope="over:1:1:0")[:2] == ["NodeCompleted work", "BodyCompleted over"]
        story.done("work", "two", scope="over:1:1:1")
        over = output_of(story)["over"]
        assert over == {"iterations": 2, "last": {"work": "two"}, "results": [{"work": "one"}, {"work": "two"}]}

    def test_item_and_index_are_in_scope(self) -> None:
        body = (a_node("say", "end", output="${ [item, index] }"), "begin -> say")
        assert output_of(story_of("loop", *body, items=["a", "b"]))["over"]["results"] == [["a", 0], ["b", 1]]

    def test_what_is_no_list_fails_the_node(self) -> None:
        error = error_of(story_of("loop", *DOUBLE, items="${ input }", input=3))
        assert (error.code, error.node_id) == ("bad_items", "over")

    def test_more_items_than_the_limit_fail_it_with_the_limits_name(self) -> None:
        error = error_of(story_of("loop", *DOUBLE, items=[1, 2, 3], max_iterations=2))
        assert "max_iterations" in error.message

    def test_break_ends_it_after_its_pass(self) -> None:
        stop = a_node("stop", "break", output="${ item }")
        body = (stop, a_node("look", "condition"), "begin -> look", "look -> stop if item > 1", "look -> on")
        over = output_of(story_of("loop", *body, items=[1, 2, 3]))["over"]
        assert (over["iterations"], over["last"]) == (2, 2)


class TestLoopOnCondition:
    COUNT = (a_node("count", "variable", operation="increment", name="n"), "begin -> count")

    def test_while_is_judged_before_each_pass(self) -> None:
        story = story_of("loop", *self.COUNT, **{"while": "index < 3"})
        assert output_of(story)["over"] == {"iterations": 3, "last": {"count": 3}}

    def test_until_sees_what_the_pass_did(self) -> None:
        story = story_of("loop", *self.COUNT, until="nodes.count >= 2")
        assert output_of(story)["over"]["iterations"] == 2

    def test_a_loop_without_end_stops_at_its_limit(self) -> None:
        error = error_of(story_of("loop", *self.COUNT, max_iterations=5, **{"while": "true"}))
        assert error.code == "max_iterations"

    def test_a_condition_that_is_no_boolean_fails_the_node(self) -> None:
        error = error_of(story_of("loop", *self.COUNT, **{"while": "index"}))
        assert error.node_id == "over"
        assert "index" in error.message


class TestMap:
    WORK = (a_node("work", "tool"), "begin -> work")

    def test_results_stand_in_the_order_of_the_items(self) -> None:
        story = story_of("map", *self.WORK, items=["a", "b"])
        story.done("work", "B", scope="over:1:1:1")
        story.done("work", "A", scope="over:1:1:0")
        over = output_of(story)["over"]
        assert over == {"count": 2, "succeeded": 2, "results": [{"work": "A"}, {"work": "B"}], "errors": []}

    def test_no_more_than_its_limit_at_once(self) -> None:
        story = story_of("map", *self.WORK, items=[1, 2, 3], max_concurrency=2)
        assert len(story.instance.running) == 2
        assert story.done("work", scope="over:1:1:0")[-1] == "NodeStarted work"

    def test_an_empty_list_is_done_at_once(self) -> None:
        assert output_of(story_of("map", *self.WORK, items=[]))["over"]["results"] == []

    def test_a_failure_fails_it_and_gives_the_others_up(self) -> None:
        story = story_of("map", *self.WORK, items=[1, 2])
        assert "BodyCancelled over" in story.broken("work", scope="over:1:1:0")
        assert error_of(story).node_id == "work"

    def test_tolerated_failures_are_told_beside_the_results(self) -> None:
        story = story_of("map", *self.WORK, items=[1, 2], tolerated_failure_share=0.5)
        story.broken("work", scope="over:1:1:0")
        story.done("work", "fine", scope="over:1:1:1")
        over = output_of(story)["over"]
        assert (over["succeeded"], over["results"]) == (1, [None, {"work": "fine"}])
        assert over["errors"][0]["error"]["code"] == "broken"

    def test_enough_successes_withdraw_the_rest(self) -> None:
        story = story_of("map", *self.WORK, items=[1, 2, 3], min_successful=1)
        story.done("work", "first", scope="over:1:1:2")
        assert output_of(story)["over"]["results"] == [None, None, {"work": "first"}]
        assert [e.reason for e in story.facts if isinstance(e, facts.NodeCancelled)] == ["withdrawn", "withdrawn"]

    def test_maps_nest(self) -> None:
        inner = a_body(a_node("add", "end", output="${ item + nodes.row }"), "inside -> add", start="inside")
        body = (
            a_node("row", output="${ item }"),
            a_node("inner", "map", items=[1, 2], body=inner),
            a_node("out", "end", output="${ nodes.inner.results }"),
            "begin -> row",
            "row -> inner",
            "inner -> out",
        )
        assert output_of(story_of("map", *body, items=[10, 20]))["over"]["results"] == [[11, 12], [21, 22]]


class TestRegion:
    def test_it_answers_what_its_body_answers(self) -> None:
        body = (a_node("out", "end", output="${ input.x }"), "begin -> out")
        assert output_of(story_of("region", *body, input={"x": 7})) == {"over": 7}

    def test_a_failure_inside_is_caught_by_an_edge_of_the_region(self) -> None:
        graph = a_graph(
            a_node("over", "region", body=a_body(a_node("work", "tool"), "begin -> work")),
            a_node("rescue", output="${ error.node_id + ': ' + error.code }"),
            "start -> over",
            "over -> fine",
            "over -> rescue on any",
        )
        story = Story(graph)
        assert "ErrorCaught over" in story.broken("work", scope="over:1:1:0")
        assert output_of(story) == {"rescue": "work: broken"}

    def test_a_retry_of_the_instance_goes_on_inside_with_what_had_failed(self) -> None:
        graph = a_graph(a_node("over", "region", body=a_body(a_node("work", "tool"), "begin -> work")), "start -> over")
        story = Story(graph, instance_retry={"retry_on": ["permanent"], "backoff_seconds": 5})
        story.broken("work", scope="over:1:1:0")
        assert story.later(5)[-1] == "NodeStarted work"
        (visit,) = story.instance.running
        assert (visit.scope, story.instance.running[visit].number) == ("over:1:1:0", 2)

    def test_what_it_saw_can_be_replayed(self) -> None:
        story = story_of("map", *TestMap.WORK, items=[1, 2])
        story.done("work", "A", scope="over:1:1:0")
        again = story.replayed()
        assert (set(again.running), set(again.frames)) == (set(story.instance.running), set(story.instance.frames))
        assert told(story.facts)[-1] == "BodyCompleted over"


class TestTerminatingEnd:
    def test_it_ends_the_run_at_once(self) -> None:
        graph = a_graph(
            a_node("slow", "tool"),
            a_node("out", "end", output="enough", terminate=True),
            "start -> slow",
            "start -> out",
            "start -> late",
        )
        story = Story(graph)
        assert output_of(story) == "enough"
        assert told(story.facts)[-3:] == ["NodeCompleted out", "NodeCancelled slow", "InstanceCompleted"]

    def test_in_a_body_it_ends_the_pass(self) -> None:
        body = (
            a_node("slow", "tool"),
            a_node("out", "end", output="${ item }", terminate=True),
            "begin -> slow",
            "begin -> out",
        )
        story = story_of("loop", *body, items=[1, 2])
        assert output_of(story)["over"]["results"] == [1, 2]
        assert story.instance.running == {}
