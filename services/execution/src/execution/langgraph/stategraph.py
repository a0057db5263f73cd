"""A blueprint's graph as a LangGraph StateGraph: its nodes ask the conductor, its edges are LangGraph's own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from contracts.langgraph_plan import AllOf, Meeting, Way, meetings_of
from contracts.node_types import BODY_TYPES
from execution.domain.graph import CompiledGraph
from execution.domain.visits import Visit
from execution.langgraph.conductor import Again, Conductor, Done, Gone, Passes

REMEMBERED_GRAPHS = 64
"""State graphs kept in memory, of the versions that ran last."""
BRANCHES_AT_ONCE = 32
"""LangGraph keeps who has come to a barrier in every checkpoint: wide ones are made of several."""


@dataclass(frozen=True, slots=True)
class Context:
    """What LangGraph hands to every node function of a run."""

    conductor: Conductor


class Nothing(TypedDict):
    """What a body hands to the graph around it: outputs are in the facts."""


@lru_cache(maxsize=REMEMBERED_GRAPHS)
def state_graph_of(graph: CompiledGraph) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The StateGraph of one version, without a checkpointer; made once, and shared by all runs of the version.

    Raises `Inexpressible` for what LangGraph cannot do; such a blueprint is not let in.
    """
    return _Building(graph).compiled()


class _Building:
    """Node X is `node X`, its state `visit X`, the passes of a body `body X`; branches meet at `join n X`."""

    def __init__(self, graph: CompiledGraph) -> None:
        self.graph = graph
        self.meetings = meetings_of(graph.written)
        self.reached = [graph.start, *self.meetings]
        self.builder: StateGraph[Any, Any, Any, Any] = StateGraph(
            state_of("State", self.reached), Context, output_schema=Nothing
        )
        self.leads_to = {index: node_name(edge.target) for index, edge in enumerate(graph.edges)}
        self.meeting_at, self.places = graph.start, 0

    def compiled(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        for node_id in self.reached:
            name = node_name(node_id)
            self.builder.add_node(name, asking(node_id, self.leads_to), input_schema=state_of(name, [node_id]))
            if self.graph.nodes[node_id].type in BODY_TYPES:
                self.builder.add_node(body_name(node_id), _Building(self.graph.bodies[node_id]).compiled())
                self.builder.add_edge(body_name(node_id), name)
        for target, meeting in self.meetings.items():
            self.meeting_at, self.places = target, 0
            self.meet(meeting, node_name(target))
        self.builder.add_edge(START, node_name(self.graph.start))
        return self.builder.compile()

    def meet(self, meeting: Meeting, target: str) -> None:
        """Let tokens that come this way reach `target`: one at a time by its name, together by a barrier."""
        if isinstance(meeting, Way):
            self.leads_to |= dict.fromkeys(meeting.edges, target)
        elif isinstance(meeting, AllOf):
            self.gather(meeting.parts, target)
        else:
            for part in meeting.parts:
                self.meet(part, target)

    def gather(self, parts: Sequence[Meeting], target: str) -> None:
        """A barrier before `target`, with a place for each branch."""
        if len(parts) > BRANCHES_AT_ONCE:
            size = -(-len(parts) // BRANCHES_AT_ONCE)
            parts = [AllOf(tuple(parts[begin : begin + size])) for begin in range(0, len(parts), size)]
        places = [self.place() for _ in parts]
        for part, place in zip(parts, places, strict=True):
            self.meet(part, place)
        self.builder.add_edge(places, target)

    def place(self) -> str:
        """A node that only says that a branch has come; named alike in every process, for threads outlive processes."""
        self.places += 1
        name = f"join {self.places} {self.meeting_at}"
        self.builder.add_node(name, came, input_schema=Nothing)
        return name


async def came(state: Nothing) -> None:
    """The branch is here; the barrier counts it."""


def asking(node_id: str, leads_to: Mapping[int, str]) -> Any:
    """The node function: it asks for its next visit, and goes where the recorded outcome leads."""
    key = visits_of(node_id)

    async def ask(state: dict[str, Any], runtime: Runtime[Context]) -> Command[Any] | None:
        number = state.get(key, {}).get("visit", 0) + 1
        visit = Visit(node_id, number, state.get("scope", ""))
        while True:
            outcome = await runtime.context.conductor.outcome(visit)
            match outcome:
                case Done(taken):
                    ways = dict.fromkeys(leads_to[index] for index in taken)
                    return Command(update={key: {"visit": number, "taken": list(taken)}}, goto=list(ways))
                case Again():
                    return Command(goto=node_name(node_id))
                case Passes(scopes):
                    return Command(goto=[Send(body_name(node_id), {"scope": scope}) for scope in scopes])
                case Gone():
                    return None
            # Answered once for each time that the run has rested here, by the one who resumes it.
            interrupt({"node": node_id, "visit": number, "scope": visit.scope, "waits_for": list(outcome.waits_for)})

    return ask


def state_of(name: str, node_ids: Iterable[str]) -> Any:
    """A part of LangGraph's state: the frame, and the visits of these nodes. All of it may be missing."""
    members: dict[str, Any] = {"scope": str} | {visits_of(node_id): dict[str, Any] for node_id in node_ids}
    make: Any = TypedDict
    return make(name, members, total=False)


def node_name(node_id: str) -> str:
    """What LangGraph calls a node."""
    return f"node {node_id}"


def body_name(node_id: str) -> str:
    """What LangGraph calls the graph inside a node."""
    return f"body {node_id}"


def visits_of(node_id: str) -> str:
    """The member of LangGraph's state that says how often a node was visited, and how it went on."""
    return f"visit {node_id}"
