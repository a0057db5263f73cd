"""The rules for nodes that steer others: joins, compensation, cancellation, breaks, calls of blueprints."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from contracts.bodies import PlacedGraph
from contracts.expression_text import TEMPLATE_OPENS
from contracts.graph_shape import CONDITION, END, START
from contracts.policy_rules import member
from contracts.refusal import Problem
from contracts.workflow import Node

ROUTING_TYPES = frozenset({START, END, CONDITION})
"""Types with nothing that could be undone."""
NO_UNDOERS = frozenset({START, END, "break", "cancel"})
"""Types that cannot undo what another node did."""


class ControlRules:
    """Judges what the nodes of one graph say about each other."""

    def __init__(self, placed: PlacedGraph) -> None:
        """Indexes the edges of the graph once."""
        self.placed = placed
        self.linked = {node_id for edge in placed.graph.edges for node_id in (edge.source, edge.target)}

    def problems(self, index: int, node: Node) -> Iterator[Problem]:
        """Everything that is wrong with what the node at this index does to others."""
        at = f"{self.placed.at}/nodes/{index}"
        join = node.config.get("join")
        if join is not None:
            yield from self._join(f"{at}/config/join", node, {"kind": join} if isinstance(join, str) else join)
        undoer = node.config.get("compensate")
        for sentence in self._compensate(node, undoer) if isinstance(undoer, str) else ():
            yield Problem(pointer=f"{at}/config/compensate", code="bad_compensation", message=sentence)
        if node.type == "cancel":
            yield from self._cancel(f"{at}/config/nodes", node)
        if node.type == "break" and (self.placed.holder is None or self.placed.holder.type != "loop"):
            sentence = f"`{node.id}` ends a loop, so it stands directly in the body of one."
            yield Problem(pointer=f"{at}/type", code="break_outside_loop", message=sentence)
        yield from _blueprint(at, node)

    def _join(self, at: str, node: Node, join: Any) -> Iterator[Problem]:
        if node.type == START:
            sentence = f"`{node.id}` is where its graph begins; nothing arrives there that it could wait for."
            yield Problem(pointer=at, code="join_on_start", message=sentence)
            return
        if member(join, "kind") == "each" and member(join, "cancel_rest") is True:
            sentence = f'`{node.id}` is visited for "each" token: there is no rest to cancel; join "any" has one.'
            yield Problem(pointer=f"{at}/cancel_rest", code="nothing_to_cancel", message=sentence)
        wanted = member(join, "n")
        if member(join, "kind") == "n_of_m" and isinstance(wanted, int):
            shape = self.placed.shape
            arriving = sum(index not in shape.closing for index in shape.incoming[node.id])
            if wanted > arriving:
                sentence = f"`{node.id}` waits for {wanted:,}, and {_edges(arriving)} there (those that go back aside)."
                yield Problem(pointer=f"{at}/n", code="join_beyond_edges", message=sentence)

    def _compensate(self, node: Node, undoer: str) -> Iterator[str]:
        named = self.placed.nodes.get(undoer)
        if node.type in ROUTING_TYPES:
            yield f"`{node.id}` is of type `{node.type}`: there is nothing to undo; leave `compensate` out."
        elif named is None:
            yield f"There is no node `{undoer}` in the graph of `{node.id}`; name one that undoes what it did."
        elif undoer == node.id:
            yield f"`{undoer}` cannot undo itself; name another node."
        elif named.type in NO_UNDOERS:
            yield f"`{undoer}` is of type `{named.type}` and undoes nothing; name a node that does something."
        elif undoer in self.linked:
            yield f"`{undoer}` runs only to undo `{node.id}`: no edge may lead to it or from it."
        elif named.config.get("compensate") is not None:
            yield f"`{undoer}` undoes `{node.id}` and is not undone itself: leave its `compensate` out."

    def _cancel(self, at: str, node: Node) -> Iterator[Problem]:
        names = node.config.get("nodes")
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if not isinstance(name, str):
                continue
            named = self.placed.nodes.get(name)
            if named is None:
                sentence = f"There is no node `{name}` in the graph of `{node.id}`; it withdraws nodes beside it."
                yield Problem(pointer=f"{at}/{place}", code="unknown_node", message=sentence)
            elif name == node.id or named.type == START:
                sentence = f"`{node.id}` can withdraw neither itself nor the start; name nodes that may be at work."
                yield Problem(pointer=f"{at}/{place}", code="bad_cancel", message=sentence)


def _blueprint(at: str, node: Node) -> Iterator[Problem]:
    place = {"blueprint": ("blueprint_id",), "map": ("blueprint", "blueprint_id")}.get(node.type)
    called = member(node.config, *place) if place else None
    if place is None or not isinstance(called, str) or TEMPLATE_OPENS in called:
        return
    try:
        UUID(called)
    except ValueError:
        sentence = f"`{node.id}` runs a blueprint by its id, which is a UUID, or a template that gives one."
        yield Problem(pointer=f"{at}/config/{'/'.join(place)}", code="bad_blueprint_id", message=sentence)


def _edges(number: int) -> str:
    return {0: "no edge leads", 1: "1 edge leads"}.get(number, f"{number:,} edges lead")
