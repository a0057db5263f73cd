"""Executors choose among what is ready; installed packages bring their own."""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.settings import BadSettings
from execution.domain.visits import Visit
from execution.executors import registry
from execution.executors.langgraph import LangGraph
from execution.executors.parallel import Parallel
from execution.executors.sequential import Sequential
from tests.support.builders import a_graph, a_node
from tests.support.mill import milling
from tests.support.packages import a_package

NEWEST_FIRST = """
class NewestFirst:
    def choose(self, ready, in_flight, limit):
        return () if in_flight or not ready else (list(ready)[-1],)

class Undecided: ...
"""
READY = OrderedDict.fromkeys(Visit(name, 1) for name in "abc")
A, B, C = READY

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package on the path that brings an executor, until the test is over."""

    def install(named: str) -> None:
        entry_points = {"headrace.executors": {"newest_first": f"newest_module:{named}"}}
        monkeypatch.syspath_prepend(a_package(tmp_path, {"newest_module": NEWEST_FIRST}, entry_points))
        registry.executors.cache_clear()

    yield install
    registry.executors.cache_clear()
    sys.modules.pop("newest_module", None)


def test_one_after_the_other_takes_what_has_waited_longest_when_nothing_is_in_flight() -> None:
    assert Sequential().choose(READY, 0, 64) == (A,)
    assert Sequential().choose(READY, 1, 64) == ()


def test_in_parallel_as_many_begin_as_there_is_room_for() -> None:
    assert Parallel().choose(READY, 1, 3) == (A, B)
    assert Parallel().choose(READY, 5, 3) == ()


def test_langgraph_begins_nothing_before_its_state_graph_has_asked() -> None:
    assert LangGraph().choose(READY, 0, 64) == ()
    assert LangGraph().expects(READY)
    assert not LangGraph().expects(())


def test_there_are_three_and_parallel_is_meant_when_nothing_is_said() -> None:
    assert list(registry.executors()) == ["sequential", "parallel", "langgraph"]
    assert isinstance(registry.executor_for(None), Parallel)


async def test_a_package_brings_another_one(
    install: Install, execution_dsn: str, nats_url: str, namespace: str
) -> None:
    install("NewestFirst")
    graph = a_graph("start -> a", "start -> b", "start -> c", *(a_node(name, "tool") for name in "abc"))
    async with milling(execution_dsn, nats_url, namespace) as mill:
        answer = await mill.execute(await mill.know(graph, executor="newest_first"))
        done = [event for event in await mill.facts(answer.instance_id) if type(event).__name__ == "NodeCompleted"]
    assert [event.node_id for event in done] == ["start", "c", "b", "a"]


def test_a_package_whose_executor_chooses_nothing_is_named(install: Install) -> None:
    install("Undecided")
    with pytest.raises(BadSettings, match=r"'newest_first' must have a method `choose\(ready, in_flight, limit\)`"):
        registry.executors()
