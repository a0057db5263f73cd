"""A blueprint's body that may not hold, read as far as it can be: its graph is judged together with its shape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from contracts.blueprint import BlueprintBody
from contracts.parsing import Faults, faults_of
from contracts.refusal import Problem
from contracts.workflow import BlueprintConfig, Edge, Node

Judge = Callable[[BlueprintBody], Iterable[Problem]]

ON_PATHS = frozenset({"unreachable", "endless_cycle", "join_beyond_edges"})
FOLLOWS: Mapping[str, frozenset[str]] = {
    "id": frozenset({"unknown_node", "unknown_node_reference", "bad_compensation", *ON_PATHS}),
    "type": frozenset({"no_start", "endless_cycle", "item_outside_loop"}),
    "config": frozenset({"unreachable", "endless_cycle", "compensated_elsewhere"}),
    "source": ON_PATHS,
    "target": ON_PATHS,
}
"""Member of a node or an edge -> what a graph seems to break for no other reason than that it could not be read."""


def all_problems(raw: bytes | Any, judge: Judge) -> tuple[Problem, ...]:
    """Every problem of a body (JSON bytes, or an already decoded document): of its shape, then what `judge` finds.

    `judge` sees what could be read; what only follows from the rest is left out, and no place is told of twice.
    Raises `Malformed` when the bytes are not JSON.
    """
    faults = faults_of(BlueprintBody, raw)
    draft = Draft(faults)
    body = draft.body()
    return (*faults.problems, *(problem for problem in judge(body) if draft.is_news(problem)))


class Draft:
    """Keeps every member that holds; where one must be there, its own JSON pointer stands in for it."""

    def __init__(self, faults: Faults) -> None:
        """Of a blueprint, or of the graph in a node's body."""
        self._document = faults.document
        self._told = {problem.pointer for problem in faults.problems}
        self._faulty = {place for problem in faults.shape for place in _upwards(problem.pointer)}
        self._follows: set[str] = set()

    def body(self) -> BlueprintBody:
        """The body as far as it can be read; only what a graph and its sharing are judged by is in it."""
        own = self._members(BlueprintBody, self._document, "")
        return BlueprintBody.model_construct(
            name="",
            nodes=tuple(self._node(at, item) for at, item in self._items("nodes", "id", "type", "config")),
            edges=tuple(self._edge(at, item) for at, item in self._items("edges", "source", "target")),
            config=BlueprintConfig.model_validate(self._config()),
            visibility=own.get("visibility", "private"),
            team_id=own.get("team_id"),
        )

    def is_news(self, problem: Problem) -> bool:
        """Whether it says something that neither its place nor what could not be read has said already."""
        return problem.code not in self._follows and self._told.isdisjoint(_upwards(problem.pointer))

    def _items(self, name: str, *needed: str) -> Iterator[tuple[str, Any]]:
        """The items of a list with their places; nothing of a list that is none or holds too many."""
        if self._told & {"", f"/{name}"}:
            self._lost(*needed)
            return
        for index, item in enumerate(self._document.get(name, ())):
            yield f"/{name}/{index}", item

    def _node(self, at: str, item: Any) -> Node:
        if at in self._told or f"{at}/config" in self._faulty:
            self._lost("config")
        return Node.model_validate(self._with_stand_ins(at, self._members(Node, item, at), "id", "type"))

    def _edge(self, at: str, item: Any) -> Edge:
        members = self._members(Edge, item, at)
        if at in self._told or not {f"{at}/condition", f"{at}/on_error"}.isdisjoint(self._faulty):
            members = self._with_stand_ins(at, members, "condition")
        return Edge.model_validate(self._with_stand_ins(at, members, "source", "target"))

    def _config(self) -> dict[str, Any]:
        config = self._document.get("config") if isinstance(self._document, dict) else None
        return self._members(BlueprintConfig, config, "/config")

    def _members(self, model: type[BaseModel], item: Any, at: str) -> dict[str, Any]:
        if not isinstance(item, dict) or at in self._told:
            return {}
        return {name: item[name] for name in model.model_fields if name in item and f"{at}/{name}" not in self._faulty}

    def _with_stand_ins(self, at: str, members: dict[str, Any], *needed: str) -> dict[str, Any]:
        absent = [name for name in needed if name not in members]
        self._lost(*absent)
        places = {name: f"{at}/{name}" for name in absent}
        self._told.update(places.values())
        return {**places, **members}

    def _lost(self, *names: str) -> None:
        self._follows.update(*(FOLLOWS.get(name, ()) for name in names))


def _upwards(place: str) -> Iterator[str]:
    """A JSON pointer and those of everything around it, the whole document last."""
    while place:
        yield place
        place = place.rpartition("/")[0]
    yield ""
