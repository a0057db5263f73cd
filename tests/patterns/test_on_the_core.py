"""Every control-flow pattern takes the ways that are written down for it, and no other, on the pure core."""

import pytest

from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from tests.patterns.paths import Expected, Stay, differences, graph_of, names, ready_step, stays, ways
from tests.patterns.pure_run import PureRun

WAYS = [pytest.param(name, way, id=f"{name}: {way.title}") for name in names() for way in ways(name)]


def lived(name: str, way: Expected) -> PureRun:
    """The run to its end, with what somebody outside does meanwhile."""
    graph, config = graph_of(name)
    run = PureRun(graph, way.input, config)
    done = 0

    def outside(run: PureRun) -> bool:
        nonlocal done
        step = ready_step(way.steps, done, lambda: stays(run.facts))
        if step is None:
            return False
        done += 1
        if step.signal is not None:
            run.signal(step.signal, step.payload)
        if step.cancel:
            run.cancel()
        return True

    run.live(outside)
    assert done == len(way.steps), f"the run ended before step {done + 1}"
    return run


def stays_of(run: PureRun, prefix: str = "") -> dict[str, Stay]:
    """The visits of the run and of its children."""
    found = stays(run.facts, prefix)
    for visit, child in run.children:
        found |= stays_of(child, f"{prefix}{visit.node_id}>")
    return found


def test_there_are_43_patterns() -> None:
    assert [name[:2] for name in names()] == [f"{number:02}" for number in range(1, 44)]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_the_run_takes_the_way_that_is_written_down(name: str, way: Expected) -> None:
    run = lived(name, way)
    assert [*differences(way, stays_of(run), timed=True)] == []
    assert run.instance.status == way.status, run.instance.error
    if way.output is not None:
        assert run.instance.output == way.output


@pytest.mark.parametrize("name", names())
def test_the_run_also_ends_with_nothing_said_and_nobody_there(name: str) -> None:
    graph, config = graph_of(name)
    run = PureRun(graph, None, config)
    run.live()
    assert run.instance.status == "completed", run.instance.error


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_its_facts_alone_tell_where_it_is(name: str, way: Expected) -> None:
    run = lived(name, way)
    again = Instance.replay(run.instance.id, run.facts, CompiledGraph(run.graph))
    assert (again.status, again.output) == (run.instance.status, run.instance.output)
    assert again.variables == run.instance.variables
