"""What the expressions at one place of a blueprint may mention: nodes that are in sight, names that have a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from contracts.bodies import PlacedGraph
from contracts.expression_text import SECRETS, node_references, roots_read
from contracts.language import spelling_hint
from contracts.secret_rules import secret_complaints

_LOCAL_ROOTS: Mapping[str, tuple[str, str]] = {
    "item": ("item_outside_loop", "the body of a map, or of a loop with `items`"),
    "index": ("item_outside_loop", "the body of a loop or map"),
    "compensated": ("compensated_elsewhere", "a node that another one names in `compensate`"),
}
"""Names with a value only in places: the code of a mention elsewhere, and where they have one."""
_BEFORE_A_RUN = frozenset({"input", "instance"})


@dataclass(frozen=True, slots=True)
class Sight:
    """One place: the graph it is in, the home of every node of the blueprint, the local names it has."""

    placed: PlacedGraph
    homes: Mapping[str, PlacedGraph]
    roots: frozenset[str]

    def __contains__(self, node_id: object) -> bool:
        """Whether the outputs of this node are in scope: it is of this graph or of one around."""
        return any(node_id in placed.nodes for placed in self.placed.outwards())

    def with_roots(self, *names: str) -> "Sight":
        """The same place with further local names."""
        return replace(self, roots=self.roots | set(names))

    def inside(self, body: PlacedGraph) -> "Sight":
        """What a condition of the node that holds the body sees: its nodes too, and which pass it is."""
        return Sight(body, self.homes, self.roots | {"index"})

    def complaints(self, expression: str) -> Iterator[tuple[str, str]]:
        """Code and sentence for each mention of what is not here."""
        yield from secret_complaints(expression, allowed=SECRETS in self.roots)
        for root in roots_read(expression):
            if root in _LOCAL_ROOTS and root not in self.roots:
                code, where = _LOCAL_ROOTS[root]
                yield code, f"`{expression}` reads `{root}`, which has a value only inside {where}."
        for node_id in node_references(expression):
            if node_id not in self:
                yield "unknown_node_reference", self._unknown(expression, node_id)

    def _unknown(self, expression: str, node_id: str) -> str:
        mention = f'`{expression}` mentions node "{node_id}", which is'
        holder = self.homes[node_id].holder if node_id in self.homes else None
        if holder is None:
            return f"{mention} not in the graph{spelling_hint(expression, self.homes)}."
        return (
            f"{mention} in the body of `{holder.id}` and seen only there; out here ask for the output of `{holder.id}`."
        )


def complaints_before_a_run(expression: str) -> Iterator[tuple[str, str]]:
    """As `Sight.complaints`, for an expression that is evaluated before anything has happened."""
    yield from secret_complaints(expression, allowed=False)
    for root in roots_read(expression):
        if root not in _BEFORE_A_RUN and root != SECRETS:
            sentence = f"`{expression}` reads `{root}`; before a run begins there are only `input` and `instance`."
            yield "not_known_yet", sentence
