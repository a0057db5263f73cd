"""Loops, maps and regions: which pass begins next, and what the whole answers."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.workflow import MAX_ITERATIONS, Node
from execution.domain.decisions import withdrawing
from execution.domain.decisions.finishing import complete_node, fail_node, fail_with
from execution.domain.decisions.places import PURE_ERRORS, as_failure, at
from execution.domain.decisions.waits import too_long
from execution.domain.figures import milliseconds
from execution.domain.frames import Frame
from execution.domain.routing import is_true, rendered, scope_of
from execution.domain.turn import Turn
from execution.domain.visits import Opened, Try, Visit
from execution.nodes.action import NodeFailure, NodeResult, within_limits

DEFAULT_MAX_CONCURRENCY = 64
DEFAULT_MAX_ITERATIONS = 1_000


def begin_body(turn: Turn, node: Node, visit: Visit, attempt: int) -> None:
    """Record what it goes through; its passes follow."""
    items = items_of(turn, node, visit) if node.config.get("items") is not None else None
    turn.record(facts.NodeStarted, **at(visit, attempt), node_type=node.type, items=items)


def items_of(turn: Turn, node: Node, visit: Visit) -> list[Any]:
    """The list that a loop or map goes through; raises `NodeFailure` for what is none, or too long."""
    items = within_limits(NodeResult(rendered(turn.instance, visit, node.config["items"]))).output
    if not isinstance(items, list):
        raise NodeFailure("permanent", "bad_items", f"`items` must be a list, but is {items!r}.")
    limit = max_iterations(node) if node.type == "loop" else MAX_ITERATIONS
    if len(items) > limit:
        raise NodeFailure("permanent", "max_iterations", f"`items` has {len(items)}; max_iterations is {limit}.")
    return items


def max_iterations(node: Node) -> int:
    """How many passes a loop may have."""
    return int(node.config.get("max_iterations") or DEFAULT_MAX_ITERATIONS)


def go_on(turn: Turn) -> None:
    """Look at every body in which something has changed."""
    instance = turn.instance
    for visit in list(instance.unsettled):
        opened = instance.opened.get(visit)
        if opened is None:
            instance.unsettled.pop(visit, None)
            continue
        close_quiet_passes(turn, visit, opened)
        node = instance.node(visit)
        try:
            settled = STEPS[node.type](turn, node, visit, opened)
        except PURE_ERRORS as error:
            withdrawing.close_passes(turn, visit, "ended")
            fail_node(turn, tried(turn, visit, opened), as_failure(error))
            settled = True
        if settled:
            instance.unsettled.pop(visit, None)
        if turn.is_full:
            return


def expire(turn: Turn) -> None:
    """Fail the bodies that have taken too long."""
    for visit, opened in list(turn.instance.opened.items()):
        if opened.expires_at is not None and opened.expires_at <= turn.now and visit in turn.instance.opened:
            withdrawing.close_passes(turn, visit, "ended")
            fail_node(turn, tried(turn, visit, opened), too_long(opened.since, turn.now))


def close_quiet_passes(turn: Turn, visit: Visit, opened: Opened) -> None:
    """Record the passes in which nothing is left to do, with what they answer."""
    for index in sorted(opened.quiet):
        frame = withdrawing.pass_of(turn, visit, opened.attempt, index)
        if frame is None:
            continue
        if frame.stopped:
            withdrawing.empty(turn, frame, "withdrawn")
        turn.record(
            facts.BodyCompleted, **at(visit, opened.attempt), index=index, output=frame.answer, broke=frame.broke
        )


def fail_pass(turn: Turn, frame: Frame, error: RunError) -> None:
    """A failure that nobody in the pass answers fails the pass: what else goes on in it is given up."""
    if frame.opener is None:
        return
    opened = turn.instance.opened[frame.opener]
    withdrawing.empty(turn, frame, "ended")
    turn.record(facts.BodyFailed, **at(frame.opener, opened.attempt), index=frame.index, error=error)


def tried(turn: Turn, visit: Visit, opened: Opened) -> Try:
    """The attempt of a body that is over now."""
    return Try(visit, opened.attempt, milliseconds(opened.since, turn.now))


def begin_pass(turn: Turn, visit: Visit, opened: Opened) -> None:
    """The next pass begins."""
    turn.record(facts.BodyStarted, **at(visit, opened.attempt), index=opened.begun)


def done(turn: Turn, visit: Visit, opened: Opened, output: Any) -> bool:
    """The whole is complete."""
    result = within_limits(NodeResult(output))
    complete_node(turn, tried(turn, visit, opened), result)
    return True


def failed(turn: Turn, visit: Visit, opened: Opened, error: RunError) -> bool:
    """The whole has failed, as the error of a pass says."""
    withdrawing.close_passes(turn, visit, "ended")
    fail_with(turn, tried(turn, visit, opened), error)
    return True


def step_region(turn: Turn, node: Node, visit: Visit, opened: Opened) -> bool:
    """One pass, whose answer is the region's."""
    if opened.failures:
        return failed(turn, visit, opened, next(iter(opened.failures.values())))
    if opened.results:
        return done(turn, visit, opened, opened.results[0])
    if opened.begun == 0:
        begin_pass(turn, visit, opened)
    return True


def step_loop(turn: Turn, node: Node, visit: Visit, opened: Opened) -> bool:
    """One pass after the other, as long as the loop says."""
    if opened.failures:
        return failed(turn, visit, opened, next(iter(opened.failures.values())))
    if opened.live:
        return True
    if opened.broke or not another_pass(turn, node, visit, opened):
        return done(turn, visit, opened, loop_output(opened))
    if opened.begun >= max_iterations(node):
        message = f"The loop would run more than {max_iterations(node)} times (max_iterations)."
        raise NodeFailure("permanent", "max_iterations", message)
    begin_pass(turn, visit, opened)
    return True


def another_pass(turn: Turn, node: Node, visit: Visit, opened: Opened) -> bool:
    """Whether there is an item left, `until` is not yet true and `while` still is."""
    if opened.items is not None and opened.begun >= len(opened.items):
        return False
    scope = loop_scope(turn, visit, opened)
    until, condition = node.config.get("until"), node.config.get("while")
    if until is not None and opened.begun and is_true(until, scope):
        return False
    return condition is None or is_true(condition, scope)


def loop_scope(turn: Turn, visit: Visit, opened: Opened) -> dict[str, Any]:
    """What a loop's conditions see: the nodes of the last pass as well, and `index`, the number of the next pass."""
    frame = opened.last or turn.instance.frame(visit.scope)
    return {**scope_of(turn.instance, frame), "index": opened.begun}


def loop_output(opened: Opened) -> dict[str, Any]:
    """How many passes there were, what the last one answered and, for items, what each did."""
    results = [opened.results[index] for index in range(len(opened.results))]
    output = {"iterations": len(results), "last": results[-1] if results else None}
    return output if opened.items is None else {**output, "results": results}


def step_map(turn: Turn, node: Node, visit: Visit, opened: Opened) -> bool:
    """Every item at once, up to a limit, as long as enough can still succeed."""
    items = opened.items or []
    least, tolerated = wanted(node.config, len(items))
    if len(opened.failures) > tolerated:
        return failed(turn, visit, opened, too_many(opened, len(items), tolerated))
    if len(opened.results) >= least or len(opened.results) + len(opened.failures) == len(items):
        if opened.live:
            withdrawing.close_passes(turn, visit, "withdrawn")
        return done(turn, visit, opened, map_output(opened, len(items)))
    limit = int(node.config.get("max_concurrency") or DEFAULT_MAX_CONCURRENCY)
    while opened.begun < len(items) and len(opened.live) < limit and not turn.is_full:
        begin_pass(turn, visit, opened)
    return not turn.is_full


def wanted(config: Mapping[str, Any], count: int) -> tuple[int, int]:
    """How many items must succeed before the map goes on, and how many may fail."""
    if (least := config.get("min_successful")) is not None:
        return min(int(least), count), count - min(int(least), count)
    share = config.get("tolerated_failure_share")
    tolerated = max(int(config.get("tolerated_failures") or 0), int((share or 0) * count))
    return count, min(tolerated, count)


def too_many(opened: Opened, count: int, tolerated: int) -> RunError:
    """Why the map failed: its first error, and how many there were where some were tolerated."""
    first = opened.failures[min(opened.failures)]
    if tolerated == 0:
        return first
    message = f"{len(opened.failures)} of {count} items failed, more than the {tolerated} tolerated: {first.message}"
    return first.model_copy(update={"code": "too_many_failures", "message": message})


def map_output(opened: Opened, count: int) -> dict[str, Any]:
    """What each item answered, in order; null where it failed, or was not waited for."""
    errors = [
        {"index": index, "error": opened.failures[index].model_dump(mode="json")} for index in sorted(opened.failures)
    ]
    results = [opened.results.get(index) for index in range(count)]
    return {"count": count, "succeeded": len(opened.results), "results": results, "errors": errors}


STEPS: Mapping[str, Callable[[Turn, Node, Visit, Opened], bool]] = {
    "region": step_region,
    "loop": step_loop,
    "map": step_map,
}
"""What each kind of body does next; False when there is more to begin than one turn holds."""
