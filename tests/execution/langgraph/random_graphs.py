"""Graphs nobody would draw: tools with splits, joins, cycles, error edges and bodies, as the dice fall."""

from random import Random
from typing import Any

from contracts.workflow import Edge, Node, WorkflowGraph


def a_random_graph(dice: Random, prefix: str = "", depth: int = 0) -> WorkflowGraph:
    """At most nine nodes; bodies within bodies at most two deep."""
    count = dice.randint(3, 8) if not depth else dice.randint(2, 5)
    ids = [f"{prefix}n{number}" for number in range(count)]
    edges = [(source, target) for target in range(1, count) for source in sources(dice, target)]
    edges += [
        (source, target)
        for source, target in (
            (dice.randint(1, count - 1), dice.randint(1, count - 1)) for _ in range(dice.choice((0, 0, 1, 2)))
        )
        if source >= target
    ]
    dice.shuffle(edges)
    written = [an_edge(dice, ids, index, source, target) for index, (source, target) in enumerate(edges)]
    nodes = [Node(id=ids[0], type="start")]
    for number in range(1, count):
        is_last = not any(source == number for source, _ in edges)
        plain = all(edge.condition is None for edge in written if edge.source == ids[number])
        nodes.append(a_random_node(dice, ids[number], depth, may_have_body=depth < 2 and (is_last or plain)))
    return WorkflowGraph(nodes=tuple(nodes), edges=tuple(written))


def sources(dice: Random, target: int) -> list[int]:
    """One to three nodes before it."""
    return dice.sample(range(target), min(target, dice.choice((1, 1, 1, 2, 2, 3))))


def an_edge(dice: Random, ids: list[str], index: int, source: int, target: int) -> Edge:
    """Some have a condition, which the node's own answer decides; those that go back always have one."""
    conditional = target <= source or (source > 0 and dice.random() < 0.4)
    condition = f'nodes["{ids[source]}"].e{index}' if conditional else None
    if source and target > source and dice.random() < 0.1:
        return Edge(source=ids[source], target=ids[target], on_error="any")
    return Edge(source=ids[source], target=ids[target], condition=condition)


def a_random_node(dice: Random, id: str, depth: int, *, may_have_body: bool) -> Node:
    """A tool that splits somehow, or a body."""
    if may_have_body and dice.random() < 0.3:
        config: dict[str, Any] = {"body": a_random_graph(dice, f"{id}.", depth + 1).model_dump(mode="json")}
        kind = dice.choice(("loop", "map", "region"))
        if kind != "region":
            config["items"] = list(range(dice.randint(0, 3)))
        if kind == "map":
            config["max_concurrency"] = dice.choice((1, 2, 64))
        return Node(id=id, type=kind, config=config)
    split = dice.choice((None, None, "exclusive", "inclusive"))
    config = {"name": "echo", "arguments": {}}
    return Node(id=id, type="tool", config=config | ({"split": split} if split else {}))
