"""The rules a blueprint keeps: everything that is wrong with one, at once, with its place and a plain sentence."""

from collections.abc import Iterator, Sequence

from contracts.bodies import PlacedGraph, placed_graphs
from contracts.config_rules import config_problems
from contracts.control_rules import ControlRules
from contracts.edge_rules import EdgeRules
from contracts.graph_shape import START, TooTangled, endless_cycles, loops
from contracts.language import Language
from contracts.node_rules import NodeRules
from contracts.reference_rules import Sight
from contracts.refusal import Problem
from contracts.text_rules import TextRules
from contracts.vocabulary import BUILT_IN, Vocabulary
from contracts.workflow import BlueprintConfig, WorkflowGraph

MAX_NAMED_NODES = 10
"""Nodes that one sentence names."""


def problems_of(
    graph: WorkflowGraph, config: BlueprintConfig, language: Language, vocabulary: Vocabulary = BUILT_IN
) -> tuple[Problem, ...]:
    """All problems; empty when it may run.

    The blueprint's own graph comes first (its nodes, its edges, the whole), then each body by the same rules, then
    the configuration. Pointers are into the document that holds `nodes`, `edges` and `config`.
    """
    text = TextRules(language)
    graphs, unread = placed_graphs(graph)
    homes = {node_id: placed for placed in reversed(graphs) for node_id in placed.nodes}
    ids = _Ids()
    found: list[Problem] = []
    for placed in graphs:
        sight = Sight(placed, homes, placed.local_roots())
        found += placed.news(
            (
                *_of_nodes(placed, NodeRules(text, sight, vocabulary)),
                *ids.repeated(placed),
                *_of_edges(placed, EdgeRules(text, sight)),
                *_of_the_whole(placed),
            )
        )
    found += unread
    found += config_problems(config, text, vocabulary)
    rule = vocabulary.executor_rules.get(config.executor or "")
    return (*found, *(rule(graph, config) if rule else ()))


class _Ids:
    """Which node has which id, over all graphs of the blueprint."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[PlacedGraph, int]] = {}

    def repeated(self, placed: PlacedGraph) -> Iterator[Problem]:
        for index, node in enumerate(placed.graph.nodes):
            home, place = self.first.setdefault(node.id, (placed, index))
            if (home, place) != (placed, index):
                where = f"Node {place}" if home is placed else f"The node at {home.at}/nodes/{place}"
                sentence = f"{where} has the id `{node.id}` already."
                yield Problem(pointer=f"{placed.at}/nodes/{index}/id", code="duplicate_id", message=sentence)


def _of_nodes(placed: PlacedGraph, rules: NodeRules) -> Iterator[Problem]:
    control = ControlRules(placed)
    for index, node in enumerate(placed.graph.nodes):
        yield from rules.problems(index, node)
        yield from control.problems(index, node)


def _of_edges(placed: PlacedGraph, rules: EdgeRules) -> Iterator[Problem]:
    for index, edge in enumerate(placed.graph.edges):
        yield from rules.problems(index, edge)


def _of_the_whole(placed: PlacedGraph) -> Iterator[Problem]:
    yield from _start(placed)
    yield from _unreachable(placed)
    yield from _loops(placed)


def _start(placed: PlacedGraph) -> Iterator[Problem]:
    nodes = placed.graph.nodes
    starts = [index for index, node in enumerate(nodes) if node.type == START]
    if not starts:
        where = f"in the body of `{placed.holder.id}` " if placed.holder else ""
        sentence = f"One node {where}must be of type `start`."
        yield Problem(pointer=f"{placed.at}/nodes", code="no_start", message=sentence)
    for index in starts[1:]:
        sentence = f"`{nodes[starts[0]].id}` is the start already; a graph has exactly one."
        yield Problem(pointer=f"{placed.at}/nodes/{index}/type", code="several_starts", message=sentence)


def _unreachable(placed: PlacedGraph) -> Iterator[Problem]:
    reached = placed.shape.reached
    for index, node in enumerate(placed.graph.nodes):
        if reached and node.id not in reached and node.id not in placed.undoers and node.type != START:
            sentence = f"No path leads from the start to `{node.id}`."
            yield Problem(pointer=f"{placed.at}/nodes/{index}", code="unreachable", message=sentence)


def _loops(placed: PlacedGraph) -> Iterator[Problem]:
    places = {node.id: index for index, node in enumerate(placed.graph.nodes)}
    for cycle in endless_cycles(placed.shape):
        sentence = (
            f"A run that enters the cycle {_named(cycle)} never leaves it: "
            "put a condition on the edge that closes it, and let another edge lead out."
        )
        yield Problem(pointer=f"{placed.at}/nodes/{places[cycle[0]]}", code="endless_cycle", message=sentence)
    try:
        loops(placed.shape)
    except TooTangled as error:
        yield Problem(pointer=f"{placed.at}/edges", code="too_tangled", message=f"The {error}; split the graph.")


def _named(cycle: Sequence[str]) -> str:
    names = ", ".join(f"`{node_id}`" for node_id in cycle[:MAX_NAMED_NODES])
    more = len(cycle) - MAX_NAMED_NODES
    return f"{names} and {more} more" if more > 0 else names
