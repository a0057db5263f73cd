"""The rules that edges keep: where they begin and end, that none is there twice, when they are taken."""

from collections.abc import Iterator
from typing import get_args

from contracts.graph_shape import END, START, split_of
from contracts.reference_rules import Sight
from contracts.refusal import Problem
from contracts.text_rules import TextRules
from contracts.workflow import Edge, ErrorType

_Twin = tuple[str, str, str | None, str | frozenset[str] | None]


class EdgeRules:
    """Judges the edges of one graph, one after the other, in their order."""

    def __init__(self, text: TextRules, sight: Sight) -> None:
        """`sight` is what the conditions of this graph may mention."""
        self.text = text
        self.sight = sight
        self.nodes = sight.placed.nodes
        self._seen: dict[_Twin, int] = {}
        self._ids: dict[str, int] = {}
        self._defaults: dict[str, int] = {}

    def problems(self, index: int, edge: Edge) -> Iterator[Problem]:
        """Everything that is wrong with the edge at this index, given those before it."""
        at = f"{self.sight.placed.at}/edges/{index}"
        yield from self._at_its_ends(at, edge)
        yield from self._there_twice(at, index, edge)
        if edge.condition is not None:
            yield from self.text.condition(f"{at}/condition", edge.condition, self.sight)
        if edge.on_error is None:
            yield from self._in_a_split(at, index, edge)
        else:
            yield from self._on_error(f"{at}/on_error", edge)

    def _at_its_ends(self, at: str, edge: Edge) -> Iterator[Problem]:
        for end, node_id in (("source", edge.source), ("target", edge.target)):
            if node_id not in self.nodes:
                yield Problem(pointer=f"{at}/{end}", code="unknown_node", message=self._no_node(node_id))
        if edge.target in self.nodes and self.nodes[edge.target].type == START:
            yield Problem(pointer=f"{at}/target", code="edge_into_start", message="No edge leads into the start.")
        if edge.source in self.nodes and self.nodes[edge.source].type == END:
            sentence = f"No edge leads out of an end; `{edge.source}` is one."
            yield Problem(pointer=f"{at}/source", code="edge_out_of_end", message=sentence)

    def _no_node(self, node_id: str) -> str:
        home = self.sight.homes.get(node_id)
        if home is None:
            return f"There is no node `{node_id}`."
        where = f"in the body of `{home.holder.id}`" if home.holder else "in the graph around this body"
        return f"`{node_id}` is {where}; an edge joins nodes of one graph."

    def _there_twice(self, at: str, index: int, edge: Edge) -> Iterator[Problem]:
        caught = frozenset(edge.on_error) if isinstance(edge.on_error, tuple) else edge.on_error
        first = self._seen.setdefault((edge.source, edge.target, edge.condition, caught), index)
        if first != index:
            sentence = f"Edge {first} already leads from `{edge.source}` to `{edge.target}` on the same condition."
            yield Problem(pointer=at, code="duplicate_edge", message=sentence)
        if edge.id is not None and self._ids.setdefault(edge.id, index) != index:
            sentence = f"Edge {self._ids[edge.id]} has the id `{edge.id}` already."
            yield Problem(pointer=f"{at}/id", code="duplicate_id", message=sentence)

    def _in_a_split(self, at: str, index: int, edge: Edge) -> Iterator[Problem]:
        source = self.nodes.get(edge.source)
        split = split_of(source) if source else None
        if split == "parallel" and edge.condition is not None:
            sentence = (
                f"`{edge.source}` splits in parallel and takes every edge: leave the condition out, "
                'or make the split "inclusive".'
            )
            yield Problem(pointer=f"{at}/condition", code="conditional_parallel", message=sentence)
        if split in ("exclusive", "inclusive") and edge.condition is None:
            first = self._defaults.setdefault(edge.source, index)
            if first != index:
                sentence = f"Edge {first} is already what `{edge.source}` does otherwise; give this one a condition."
                yield Problem(pointer=at, code="several_defaults", message=sentence)

    def _on_error(self, at: str, edge: Edge) -> Iterator[Problem]:
        if not edge.on_error:
            kinds = ", ".join(get_args(ErrorType))
            sentence = f'This edge would catch nothing: name error types ({kinds}), or "any", or leave `on_error` out.'
            yield Problem(pointer=at, code="catches_nothing", message=sentence)
        elif edge.source in self.nodes and self.nodes[edge.source].type == START:
            sentence = f"`{edge.source}` only begins and cannot fail: there is no error to catch."
            yield Problem(pointer=at, code="catches_nothing", message=sentence)
