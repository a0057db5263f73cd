"""Every control-flow pattern on every executor: the same ways, or a refusal that says why."""

from collections.abc import Callable

import pytest

from contracts.langgraph_rules import langgraph_problems
from tests.patterns.conducted_run import ConductedRun
from tests.patterns.paths import Expected, differences, graph_of, names, ready_step, stays, ways
from tests.patterns.pure_run import PureRun
from tests.patterns.test_on_the_core import stays_of

REFUSED = {
    "07": "it joins branches of which some may be taken and others not",
    "08": "visited before all live branches have come (`each`)",
    "09": "visited before all live branches have come (`any`)",
    "10": "the cycle that begins again at `review` is entered here as well",
    "12": "it goes back to `more` while the edge from `next` to `fine` may be taken too",
    "15": "it goes back to `listen` while the edge from `named` to `hear` may be taken too",
    "19": "gives up other nodes",
    "25": "gives up other nodes",
    "26": "gives up other nodes",
    "27": "withdraws the branches that have not come",
    "28": "visited before all live branches have come (`each`)",
    "29": "withdraws the branches that have not come",
    "30": "visited before all live branches have come (`n_of_m`)",
    "31": "visited before all live branches have come (`each`)",
    "32": "withdraws the branches that have not come",
    "33": "visited before all live branches have come (`each`)",
    "34": "it goes back to `more` while the edge from `next` to `measure` may be taken too",
    "36": "it goes back to `inbox` while the edge from `offer` to `check` may be taken too",
    "37": "it joins branches of which some may be taken and others not",
    "38": "it joins branches of which some may be taken and others not",
    "41": "it goes back to `more` while the edge from `split` to `sharpen` may be taken too",
    "42": "it goes back to `more` while the edge from `split` to `measure` may be taken too",
}
"""By number of the pattern: what LangGraph cannot express in it."""
GIVEN_UP = ("19", "20", "25", "26", "27", "29", "32", "35", "43")
"""Patterns that give up what goes on beside; one node after the other, it would be over by then."""
WAYS = [pytest.param(name, way, id=f"{name}: {way.title}") for name in names() for way in ways(name)]
EXPRESSIBLE = [param for param in WAYS if str(param.values[0])[:2] not in REFUSED]
IN_SEQUENCE = [param for param in WAYS if str(param.values[0])[:2] not in GIVEN_UP]


@pytest.mark.parametrize("name", names())
def test_what_langgraph_cannot_express_is_refused_with_the_reason(name: str) -> None:
    found = list(langgraph_problems(*graph_of(name)))
    reason = REFUSED.get(name[:2])
    assert bool(found) == (reason is not None), found
    assert reason is None or reason in found[0].message


def outside_of(way: Expected) -> Callable[[PureRun], bool]:
    """Somebody who does what is written down, each step when its time has come."""
    steps = iter(range(1, len(way.steps) + 1))

    def outside(run: PureRun) -> bool:
        step = ready_step(way.steps, done[0], lambda: stays(run.facts))
        if step is None:
            return False
        done[0] = next(steps)
        if step.signal is not None:
            run.signal(step.signal, step.payload)
        if step.cancel:
            run.cancel()
        return True

    done = [0]
    return outside


def check(run: PureRun, way: Expected, *, timed: bool) -> None:
    """It took that way, and ended so."""
    assert [*differences(way, stays_of(run), timed=timed)] == []
    assert run.instance.status == way.status, run.instance.error
    if way.output is not None:
        assert run.instance.output == way.output


@pytest.mark.parametrize(("name", "way"), EXPRESSIBLE)
async def test_langgraph_takes_the_way_that_is_written_down(name: str, way: Expected) -> None:
    run = ConductedRun(*graph_of(name), way.input)
    await run.conducted(outside_of(way))
    check(run, way, timed=True)


@pytest.mark.parametrize(("name", "way"), IN_SEQUENCE)
def test_one_node_after_the_other_it_is_the_same_way(name: str, way: Expected) -> None:
    graph, config = graph_of(name)
    run = PureRun(graph, way.input, config.model_copy(update={"executor": "sequential"}))
    run.live(outside_of(way))
    check(run, way, timed=False)
