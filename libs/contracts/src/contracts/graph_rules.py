"""The rules a workflow graph keeps: everything that is wrong with one, at once, with its place and a plain sentence."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from contracts.edge_rules import EdgeRules
from contracts.graph_shape import START, TooTangled, endless_cycles, loops, reachable
from contracts.language import Language
from contracts.node_configs import NodeConfig
from contracts.node_rules import NodeRules
from contracts.node_types import NODE_TYPES
from contracts.refusal import Problem
from contracts.workflow import BlueprintConfig, WorkflowGraph

MAX_NAMED_NODES = 10
"""Nodes that one sentence names."""


def problems_of(
    graph: WorkflowGraph,
    config: BlueprintConfig,
    language: Language,
    known_tools: Collection[str] | None = None,
    node_types: Mapping[str, type[NodeConfig]] = NODE_TYPES,
) -> tuple[Problem, ...]:
    """All problems, nodes first, then edges, then the graph as a whole; empty when it may run.

    Pointers are into the body that holds `nodes`, `edges` and `config`. `known_tools` None judges no tool's name.
    """
    nodes = {node.id: node for node in graph.nodes}
    node_rules = NodeRules(language, nodes.keys(), known_tools, node_types)
    edge_rules = EdgeRules(nodes, language)
    return (
        *(problem for index, node in enumerate(graph.nodes) for problem in node_rules.problems(index, node)),
        *_repeated_ids(graph),
        *(problem for index, edge in enumerate(graph.edges) for problem in edge_rules.problems(index, edge)),
        *_start(graph),
        *_unreachable(graph),
        *_loops(graph),
        *_input_schema(config, language),
    )


def _repeated_ids(graph: WorkflowGraph) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        if first.setdefault(node.id, index) != index:
            sentence = f"Node {first[node.id]} has the id `{node.id}` already."
            yield Problem(pointer=f"/nodes/{index}/id", code="duplicate_id", message=sentence)


def _start(graph: WorkflowGraph) -> Iterator[Problem]:
    starts = [index for index, node in enumerate(graph.nodes) if node.type == START]
    if not starts:
        yield Problem(pointer="/nodes", code="no_start", message="One node must be of type `start`.")
    for index in starts[1:]:
        sentence = f"`{graph.nodes[starts[0]].id}` is the start already; a graph has exactly one."
        yield Problem(pointer=f"/nodes/{index}/type", code="several_starts", message=sentence)


def _unreachable(graph: WorkflowGraph) -> Iterator[Problem]:
    reached = reachable(graph)
    for index, node in enumerate(graph.nodes):
        if reached and node.id not in reached and node.type != START:
            sentence = f"No path leads from the start to `{node.id}`."
            yield Problem(pointer=f"/nodes/{index}", code="unreachable", message=sentence)


def _loops(graph: WorkflowGraph) -> Iterator[Problem]:
    places = {node.id: index for index, node in enumerate(graph.nodes)}
    for cycle in endless_cycles(graph):
        sentence = (
            f"A run that enters the cycle {_named(cycle)} never leaves it: "
            "put a condition on the edge that closes it, and let another edge lead out."
        )
        yield Problem(pointer=f"/nodes/{places[cycle[0]]}", code="endless_cycle", message=sentence)
    try:
        loops(graph)
    except TooTangled as error:
        yield Problem(pointer="/edges", code="too_tangled", message=f"The {error}; split the graph.")


def _named(cycle: Sequence[str]) -> str:
    names = ", ".join(f"`{node_id}`" for node_id in cycle[:MAX_NAMED_NODES])
    more = len(cycle) - MAX_NAMED_NODES
    return f"{names} and {more} more" if more > 0 else names


def _input_schema(config: BlueprintConfig, language: Language) -> Iterator[Problem]:
    if config.input_schema is not None:
        for place, sentence in language.check_schema(config.input_schema):
            yield Problem(pointer=f"/config/input_schema{place}", code="bad_schema", message=sentence)
