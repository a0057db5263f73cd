"""What expressions see, and which edges a completed node goes on by (pure)."""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any, cast

from chassis import expressions, templates
from chassis.ids import text_of
from contracts.execution import RunError
from contracts.expression_text import SECRETS
from contracts.message import rfc3339
from contracts.node_types import templates_of
from contracts.workflow import Node, policy_of
from execution.domain.frames import NOTHING, Frame
from execution.domain.instance import Instance
from execution.domain.visits import Visit


class NoBranchTaken(Exception):
    """The node has outgoing edges and none of them could be taken."""


def scope_of(instance: Instance, frame: Frame | None = None) -> dict[str, Any]:
    """The roots that every expression may name: `input`, `nodes`, `vars`, `instance`, and what its place adds.

    In a body `nodes` sees the body's own nodes and those around it; `item` and `index` are the innermost ones.
    """
    request = instance.request
    scope: dict[str, Any] = {
        "input": request.input,
        "nodes": instance.outputs,
        "vars": instance.variables,
        "instance": {
            "id": text_of(instance.id),
            "blueprint_id": text_of(request.blueprint_id),
            "version": request.blueprint_version,
            "user_id": request.user_id,
            "conversation_id": request.conversation_id,
            "metadata": request.metadata,
            "started_at": rfc3339(instance.started_at or request.timestamp),
        },
    }
    if frame is not None:
        scope["nodes"] = nodes_seen(frame)
        scope |= what_its_place_adds(frame)
    return scope


def nodes_seen(frame: Frame) -> Mapping[str, Any]:
    """The outputs of the frame's own nodes and of those around it."""
    if frame.around is None:
        return frame.outputs
    outputs: list[dict[str, Any]] = []
    place: Frame | None = frame
    while place is not None:
        outputs.append(place.outputs)
        place = place.around
    return ChainMap(*outputs)


def what_its_place_adds(frame: Frame) -> dict[str, Any]:
    """`item` and `index` of the innermost loop or map, `error` as it was caught last."""
    added: dict[str, Any] = {}
    place: Frame | None = frame
    while place is not None:
        if place.error is not None:
            added.setdefault("error", place.error)
        if place.opener is not None and place.is_pass:
            added.setdefault("index", place.index)
            if place.item is not NOTHING:
                added.setdefault("item", place.item)
        place = place.around
    return added


def secret_names(instance: Instance, visit: Visit) -> tuple[str, ...]:
    """The secrets that the visit's node reads; mostly none."""
    return instance.frame(visit.scope).graph.secrets.get(visit.node_id, ())


def rendered_config(
    instance: Instance, visit: Visit, node: Node, secrets: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The node's configuration with its templates replaced and its policies left out.

    `secrets` are what the names behind `secrets.` stand for: their values where the node acts, and nowhere else.
    """
    plain = instance.frame(visit.scope).graph.plain_configs.get(node.id)
    # Whoever acts may change what it is given, so that is a copy also where there is nothing to replace.
    found = rendered(instance, visit, templates_of(node), secrets) if plain is None else templates.render(plain, {})
    return cast("dict[str, Any]", found)


def rendered(instance: Instance, visit: Visit, template: Any, secrets: Mapping[str, str] | None = None) -> Any:
    """A template as the visit sees it; a compensating node also sees what it undoes."""
    scope = scope_of(instance, instance.frames.get(visit.scope))
    if secrets:
        scope[SECRETS] = secrets
    undone = instance.compensation.owed if instance.compensation else None
    if undone is not None:
        scope["nodes"] = nodes_seen(undone.frame)
        scope |= what_its_place_adds(undone.frame)
        scope["compensated"] = {"node_id": undone.visit.node_id, "visit": undone.visit.number, "output": undone.output}
    return templates.render(template, scope)


def taken_edges(instance: Instance, visit: Visit, node: Node, output: Any) -> tuple[int, ...]:
    """Indices of the edges that the node goes on by, given its output.

    An exclusive split (a `condition` is one) takes the first true edge, an inclusive one all that are true, both
    else the edge without a condition; every other node takes all that are unconditional or true.
    Raises `NoBranchTaken`, and `ExpressionError` for a condition that cannot be judged.
    """
    frame = instance.frames.get(visit.scope)
    if frame is None or not (outgoing := frame.graph.outgoing[node.id]):
        return ()
    conditions = [frame.graph.edges[index].condition for index in outgoing]
    split = policy_of(node, "split") or ("exclusive" if node.type == "condition" else None)
    if all(condition is None for condition in conditions):
        return tuple(outgoing[:1] if split == "exclusive" else outgoing)
    scope = scope_of(instance, frame)
    scope["nodes"] = ChainMap({node.id: output}, cast("dict[str, Any]", nodes_seen(frame)))
    if split == "exclusive":
        taken = first_true(outgoing, conditions, scope)
    elif split == "inclusive":
        taken = every_true(outgoing, conditions, scope)
    else:
        pairs = zip(outgoing, conditions, strict=True)
        taken = tuple(index for index, condition in pairs if condition is None or is_true(condition, scope))
    if not taken:
        raise NoBranchTaken(f"None of the conditions on the edges out of {node.id!r} is true.")
    return taken


def catching_edges(instance: Instance, visit: Visit, error: RunError) -> tuple[int, ...]:
    """Indices of the error edges that catch this failure of the node: all whose type fits and whose condition is true.

    Raises `ExpressionError` for a condition that cannot be judged.
    """
    frame = instance.frames.get(visit.scope)
    candidates = frame.graph.catching.get(visit.node_id, ()) if frame is not None else ()
    if frame is None or not candidates:
        return ()
    edges = frame.graph.edges
    scope = scope_of(instance, frame)
    scope["error"] = error.model_dump(mode="json")
    return tuple(
        index
        for index in candidates
        if (edges[index].on_error == "any" or error.type in (edges[index].on_error or ()))
        and (edges[index].condition is None or is_true(edges[index].condition, scope))
    )


def every_true(outgoing: list[int], conditions: list[str | None], scope: dict[str, Any]) -> tuple[int, ...]:
    """All edges whose condition is true, else those without one."""
    pairs = list(zip(outgoing, conditions, strict=True))
    true = tuple(index for index, condition in pairs if condition is not None and is_true(condition, scope))
    return true or tuple(index for index, condition in pairs if condition is None)


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
