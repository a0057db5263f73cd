"""The rules that edges keep: where they begin and end, that none is there twice, what their conditions say."""

from collections.abc import Iterator, Mapping

from contracts.graph_shape import CONDITION, END, START
from contracts.language import Language, spelling_hint, unknown_references
from contracts.refusal import Problem
from contracts.workflow import Edge, Node


class EdgeRules:
    """Judges the edges of one graph, one after the other, in their order."""

    def __init__(self, nodes: Mapping[str, Node], language: Language) -> None:
        """`nodes` by id."""
        self.nodes = nodes
        self.language = language
        self._seen: dict[tuple[str, str, str | None], int] = {}
        self._ids: dict[str, int] = {}
        self._defaults: dict[str, int] = {}

    def problems(self, index: int, edge: Edge) -> Iterator[Problem]:
        """Everything that is wrong with the edge at this index, given those before it."""
        at = f"/edges/{index}"
        yield from self._at_its_ends(at, edge)
        yield from self._there_twice(at, index, edge)
        if edge.condition is not None:
            yield from self._in_condition(f"{at}/condition", edge.condition)
        elif edge.source in self.nodes and self.nodes[edge.source].type == CONDITION:
            first = self._defaults.setdefault(edge.source, index)
            if first != index:
                sentence = f"Edge {first} is already what `{edge.source}` does otherwise; give this one a condition."
                yield Problem(pointer=at, code="several_defaults", message=sentence)

    def _at_its_ends(self, at: str, edge: Edge) -> Iterator[Problem]:
        for end, node_id in (("source", edge.source), ("target", edge.target)):
            if node_id not in self.nodes:
                yield Problem(pointer=f"{at}/{end}", code="unknown_node", message=f"There is no node `{node_id}`.")
        if edge.target in self.nodes and self.nodes[edge.target].type == START:
            yield Problem(pointer=f"{at}/target", code="edge_into_start", message="No edge leads into the start.")
        if edge.source in self.nodes and self.nodes[edge.source].type == END:
            sentence = f"No edge leads out of an end; `{edge.source}` is one."
            yield Problem(pointer=f"{at}/source", code="edge_out_of_end", message=sentence)

    def _there_twice(self, at: str, index: int, edge: Edge) -> Iterator[Problem]:
        first = self._seen.setdefault((edge.source, edge.target, edge.condition), index)
        if first != index:
            sentence = f"Edge {first} already leads from `{edge.source}` to `{edge.target}` on the same condition."
            yield Problem(pointer=at, code="duplicate_edge", message=sentence)
        if edge.id is not None and self._ids.setdefault(edge.id, index) != index:
            sentence = f"Edge {self._ids[edge.id]} has the id `{edge.id}` already."
            yield Problem(pointer=f"{at}/id", code="duplicate_id", message=sentence)

    def _in_condition(self, at: str, condition: str) -> Iterator[Problem]:
        complaint = self.language.check_condition(condition)
        if complaint:
            hint = spelling_hint(condition, self.nodes)
            yield Problem(pointer=at, code="bad_expression", message=f"`{condition}`: {complaint}{hint}.")
            return
        for sentence in unknown_references(condition, self.nodes):
            yield Problem(pointer=at, code="unknown_node_reference", message=sentence)
