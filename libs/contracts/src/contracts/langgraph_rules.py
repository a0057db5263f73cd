"""What the `langgraph` executor cannot do, said of a blueprint before it is saved."""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from contracts.bodies import PlacedGraph, placed_graphs
from contracts.graph_shape import TooTangled
from contracts.langgraph_plan import Inexpressible, Meeting, OneOf, Way, meetings_of
from contracts.refusal import Problem
from contracts.workflow import BlueprintConfig, Join, Node, WorkflowGraph, policy_of

CODE = "not_in_langgraph"


def langgraph_problems(graph: WorkflowGraph, config: BlueprintConfig) -> Iterable[Problem]:
    """Each node or edge that LangGraph cannot run as it is meant, with the reason; of graphs that are sound only."""
    for placed in placed_graphs(graph)[0]:
        if placed.draft is None and len(placed.nodes) == len(placed.graph.nodes):
            yield from _of_graph(placed)


def _of_graph(placed: PlacedGraph) -> Iterator[Problem]:
    known = True
    for index, node in enumerate(placed.graph.nodes):
        at = f"{placed.at}/nodes/{index}"
        if node.type == "cancel":
            sentence = f"`{node.id}` gives up other nodes, which a StateGraph has no word for"
            yield _problem(f"{at}/type", sentence, "raise an error and catch it, or choose another executor")
        known &= (join := join_of(node)) is not None
        if join is not None and join.cancel_rest:
            sentence = f"`{node.id}` withdraws the branches that have not come, which a StateGraph has no word for"
            yield _problem(f"{at}/config/join", sentence, "leave `cancel_rest` out, or choose another executor")
    if known and placed.shape.start is not None:
        yield from _of_meetings(placed)


def _of_meetings(placed: PlacedGraph) -> Iterator[Problem]:
    try:
        meetings = meetings_of(placed.graph)
    except TooTangled as error:
        yield _problem(f"{placed.at}/edges", f"the {error} to be judged", "split the graph, or choose another executor")
        return
    except Inexpressible as error:
        yield _cannot(placed, error)
        return
    for index, node in enumerate(placed.graph.nodes):
        join, meeting = join_of(node), meetings.get(node.id)
        if join is None or meeting is None or join.kind == "all" or join.cancel_rest or isinstance(meeting, Way):
            continue
        if join.kind == "n_of_m" or not is_merge(meeting):
            sentence = f"`{node.id}` is visited before all live branches have come (`{join.kind}`)"
            advice = "let it join `all`, or branches of which one is taken at a time, or choose another executor"
            yield _problem(f"{placed.at}/nodes/{index}/config/join", sentence, advice)


def _cannot(placed: PlacedGraph, error: Inexpressible) -> Problem:
    if error.edge is not None:
        subject = f"edge {error.edge} leads out of `{placed.graph.edges[error.edge].source}`, and {error.sentence}"
        return _problem(f"{placed.at}/edges/{error.edge}", subject, "use a `loop` node, or choose another executor")
    index = next(index for index, node in enumerate(placed.graph.nodes) if node.id == error.node_id)
    at = f"{placed.at}/nodes/{index}/config/join"
    return _problem(at, f"of `{error.node_id}`, {error.sentence}", "change its edges, or choose another executor")


def _problem(at: str, sentence: str, advice: str) -> Problem:
    return Problem(pointer=at, code=CODE, message=f"The executor `langgraph` cannot do this: {sentence}; {advice}.")


def is_merge(meeting: Meeting) -> bool:
    """Whether one token comes at a time, so that it does not matter how many are waited for."""
    return isinstance(meeting, Way) or (isinstance(meeting, OneOf) and all(is_merge(part) for part in meeting.parts))


def join_of(node: Node) -> Join | None:
    """How a node joins the edges into it; None where that is written wrongly."""
    raw = policy_of(node, "join")
    if raw is None:
        return Join()
    try:
        return Join.model_validate({"kind": raw} if isinstance(raw, str) else raw)
    except ValidationError:
        return None
