"""The comparison itself: a way that differs from the one that is written down is told apart from it."""

from tests.patterns.paths import Expected, differences, graph_of, stays, ways
from tests.patterns.pure_run import PureRun


def found(name: str, **changed: object) -> list[str]:
    """What the first way of a pattern differs in when other things are written down."""
    graph, config = graph_of(name)
    way = ways(name)[0]
    run = PureRun(graph, way.input, config)
    run.live()
    return [*differences(Expected.model_validate(way.model_dump() | changed), stays(run.facts), timed=True)]


class TestAnotherWayIsNoticed:
    def test_a_visit_too_few_or_too_many(self) -> None:
        path = ways("01-sequence")[0].path
        assert found("01-sequence", path={**path, "pay": "start"}) == ["pay: no NodeCompleted"]
        del path["pack"]
        assert found("01-sequence", path=path) == ["pack: NodeCompleted, which is not written down"]

    def test_a_wrong_order(self) -> None:
        path = ways("03-synchronization")[0].path | {"pack": "ship"}
        assert found("03-synchronization", path=path) == ["pack began before ship was over"]
        assert found("09-structured-discriminator", order=["far use"]) == ["use was over before far"]

    def test_a_visit_that_ended_otherwise(self) -> None:
        way = ways("19-cancel-task")[0]
        differing = found("19-cancel-task", path={**way.path, "search": "start"}, cancelled={})
        assert "search: no NodeCompleted but NodeCancelled" in differing
        assert "search: NodeCancelled, which is not written down" in differing

    def test_what_may_not_happen_at_once(self) -> None:
        assert found("03-synchronization", apart="check_payment pack") == [
            "check_payment and pack were under way at the same time"
        ]
