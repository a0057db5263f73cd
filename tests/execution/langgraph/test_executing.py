"""Blueprints run by LangGraph on the real stack: what it chooses, and what is recorded of it."""

from contracts import instance_events as facts
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill


async def test_a_chain(mill: Mill) -> None:
    blueprint = await mill.know(a_graph(a_node("pay", "tool"), "start -> pay", "pay -> end"), executor="langgraph")
    answer = await mill.execute(blueprint, {"x": 1})
    assert answer.status == "completed", answer
    done = [event.node_id for event in await mill.facts(answer.instance_id) if isinstance(event, facts.NodeCompleted)]
    assert done == ["start", "pay", "end"]
