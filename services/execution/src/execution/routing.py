"""What expressions see, and which edges a completed node goes on by (pure)."""

from collections import ChainMap
from typing import Any

from chassis import expressions, templates
from contracts.message import rfc3339
from contracts.workflow import POLICY_KEYS, Node
from execution.domain import Instance


class NoBranchTaken(Exception):
    """The node has outgoing edges and none of them could be taken."""


def scope_of(instance: Instance) -> dict[str, Any]:
    """The roots that every expression may name: `input`, `nodes`, `vars`, `instance`."""
    request = instance.request
    return {
        "input": request.input,
        "nodes": instance.outputs,
        "vars": instance.variables,
        "instance": {
            "id": str(instance.id),
            "blueprint_id": str(request.blueprint_id),
            "version": request.blueprint_version,
            "user_id": request.user_id,
            "conversation_id": request.conversation_id,
            "metadata": request.metadata,
            "started_at": rfc3339(instance.started_at or request.timestamp),
        },
    }


def rendered_config(instance: Instance, node: Node) -> dict[str, Any]:
    """The node's configuration with its templates replaced and its policies left out."""
    config = {key: value for key, value in node.config.items() if key not in POLICY_KEYS}
    rendered: dict[str, Any] = templates.render(config, scope_of(instance)) if config else config
    return rendered


def taken_edges(instance: Instance, node: Node, output: Any) -> tuple[int, ...]:
    """Indices of the edges that the node goes on by, given its output.

    A `condition` takes the first true edge, else the first without a condition; every other node takes all that
    are unconditional or true. Raises `NoBranchTaken`, and `ExpressionError` for a condition that cannot be judged.
    """
    graph = instance.graph
    if graph is None or not (outgoing := graph.outgoing[node.id]):
        return ()
    edges = graph.edges
    if all(edges[index].condition is None for index in outgoing):
        return tuple(outgoing[:1] if node.type == "condition" else outgoing)
    scope = scope_of(instance)
    scope["nodes"] = ChainMap({node.id: output}, instance.outputs)
    if node.type == "condition":
        taken = first_true(outgoing, [edges[index].condition for index in outgoing], scope)
    else:
        taken = tuple(i for i in outgoing if edges[i].condition is None or is_true(edges[i].condition, scope))
    if not taken:
        raise NoBranchTaken(f"None of the conditions on the edges out of {node.id!r} is true.")
    return taken


def first_true(outgoing: list[int], conditions: list[str | None], scope: dict[str, Any]) -> tuple[int, ...]:
    """The first edge whose condition is true, else the first without one, else none."""
    for index, condition in zip(outgoing, conditions, strict=True):
        if condition is not None and is_true(condition, scope):
            return (index,)
    default = (index for index, condition in zip(outgoing, conditions, strict=True) if condition is None)
    return tuple(default)[:1]


def is_true(condition: str | None, scope: dict[str, Any]) -> bool:
    """Judge a condition; anything but a boolean is an error that names the expression."""
    verdict = expressions.evaluate(condition or "true", scope)
    if not isinstance(verdict, bool):
        raise expressions.ExpressionError(condition or "", f"must be true or false, but is {verdict!r}")
    return verdict
