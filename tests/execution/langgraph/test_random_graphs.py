"""Whatever graph LangGraph takes on, it runs as our own bookkeeping does, also when it is interrupted all the time."""

from random import Random

import pytest

from contracts.langgraph_rules import langgraph_problems
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.execution.langgraph.played import Endless, Played, by_dice
from tests.execution.langgraph.random_graphs import a_random_graph

GRAPHS = 60


async def expressible(seed: int) -> tuple[WorkflowGraph, Played]:
    """The first graph of these dice that LangGraph takes on and whose data does not lead round and round, as played."""
    dice = Random(seed)
    while True:
        graph = a_random_graph(dice)
        if list(langgraph_problems(graph, BlueprintConfig())):
            continue
        try:
            return graph, await Played(graph, by_dice(seed), "parallel", seed).play()
        except Endless:
            continue


@pytest.mark.parametrize("trouble", [0.0, 0.3], ids=["undisturbed", "interrupted"])
@pytest.mark.parametrize("seed", range(GRAPHS))
async def test_the_same_is_recorded_as_without_langgraph(seed: int, trouble: float) -> None:
    graph, wanted = await expressible(seed)
    found = await Played(graph, by_dice(seed), "langgraph", seed, trouble).play()
    assert found.instance.status == wanted.instance.status, found.instance.error
    if wanted.instance.status == "completed" and not wanted.gave_up:
        # What still goes on when a run, or a pass, fails depends on who is faster.
        assert found.story() == wanted.story()
        assert found.instance.output == wanted.instance.output
