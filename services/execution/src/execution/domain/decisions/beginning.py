"""A visit begins: a pure node is done at once, an effect, a wait or a body is started."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chassis import expressions
from contracts import instance_events as facts
from contracts.node_types import BODY_TYPES, PURE_TYPES, TIMER_TYPES, WAIT_TYPES
from contracts.workflow import MAX_VISITS_PER_NODE, Concurrency, Node, policy_of
from execution.domain.decisions import withdrawing
from execution.domain.decisions.bodies import begin_body
from execution.domain.decisions.finishing import complete_node, fail_node, is_compensating, visits_allowed
from execution.domain.decisions.moments import delay_seconds, time_named
from execution.domain.decisions.places import PURE_ERRORS, as_failure, at
from execution.domain.decisions.waits import begin_wait
from execution.domain.node_schemas import check_state
from execution.domain.routing import rendered_config, scope_of
from execution.domain.turn import Turn
from execution.domain.variables import changed_variable
from execution.domain.visits import Try, Visit
from execution.nodes.action import NodeFailure, NodeResult, within_limits


def begin(turn: Turn, visit: Visit, attempt: int) -> None:
    """Begin one visit, or let it queue for its critical section, or fail what may not begin."""
    if turn.instance.ended or visit.scope not in turn.instance.frames:
        return
    node = turn.instance.node(visit)
    try:
        check_begin(turn, visit)
        if queues(turn, visit, node):
            return
        check_expectations(turn, visit, node)
        withdraw_the_rest(turn, visit, node)
        starter_of(node)(turn, node, visit, attempt)
    except PURE_ERRORS as error:
        fail_node(turn, Try(visit, attempt), as_failure(error))


def check_begin(turn: Turn, visit: Visit) -> None:
    """Raise `NodeFailure` for a visit too many, and for a join that too few branches came to."""
    if is_compensating(turn, visit):
        return
    limit = visits_allowed(turn)
    if visit.number > limit:
        message = f"Node {visit.node_id!r} was visited more than {min(limit, MAX_VISITS_PER_NODE)} times (max_visits)."
        raise NodeFailure("permanent", "too_many_visits", message)
    frame = turn.instance.frame(visit.scope)
    if visit in frame.flow.unreached:
        needed = frame.graph.joins[visit.node_id].n
        message = f"Node {visit.node_id!r} needs {needed} live branches, and fewer have come."
        raise NodeFailure("permanent", "join_unreached", message)


def check_expectations(turn: Turn, visit: Visit, node: Node) -> None:
    """Raise `NodeFailure` where the state is not what the node declares that it needs."""
    if policy_of(node, "state_schema") is None:
        return
    complaint = check_state(node, scope_of(turn.instance, turn.instance.frame(visit.scope)))
    if complaint is not None:
        raise NodeFailure("permanent", "state_invalid", complaint)


def queues(turn: Turn, visit: Visit, node: Node) -> bool:
    """Whether the visit must wait for a place in its node's critical section."""
    raw = policy_of(node, "concurrency")
    if raw is None or visit in turn.instance.held:
        return False
    section = Concurrency.model_validate(raw)
    scope = scope_of(turn.instance, turn.instance.frame(visit.scope))
    of = {"node_id": visit.node_id, "visit": visit.number, "scope": visit.scope}
    turn.record(facts.SectionRequested, section_key=section_key(turn, section, scope), limit=section.limit, **of)
    return True


def section_key(turn: Turn, section: Concurrency, scope: Mapping[str, Any]) -> str:
    """The name of a section: the blueprint, and the value of the key as text."""
    value = expressions.evaluate(section.key, scope)
    if not isinstance(value, str | int | float | bool):
        raise NodeFailure("permanent", "bad_key", f"`{section.key}` must be text or a number to be a key.")
    return f"{turn.instance.request.blueprint_id}/{value}"


def withdraw_the_rest(turn: Turn, visit: Visit, node: Node) -> None:
    """A join that cancels the rest gives up the branches that have not come."""
    graph = turn.instance.frame(visit.scope).graph
    join = graph.joins.get(node.id)
    if join is not None and join.cancel_rest:
        withdrawing.withdraw(turn, visit, graph.branches_into(node.id))


Starter = Callable[[Turn, Node, Visit, int], None]


def starter_of(node: Node) -> Starter:
    """How a node of this type begins; whatever is not known here is an effect."""
    if node.type in PURE_TYPES:
        return run_pure
    if node.type in TIMER_TYPES:
        return begin_timer
    if node.type in WAIT_TYPES:
        return begin_wait
    return begin_body if node.type in BODY_TYPES else begin_effect


def begin_effect(turn: Turn, node: Node, visit: Visit, attempt: int) -> None:
    """Record that the visit is in flight."""
    turn.record(facts.NodeStarted, **at(visit, attempt), node_type=node.type)


def begin_timer(turn: Turn, node: Node, visit: Visit, attempt: int) -> None:
    """A wait is a recorded time, not a sleeping task."""
    config = rendered_config(turn.instance, visit, node)
    if node.type == "delay":
        due_at = turn.now + timedelta(seconds=delay_seconds(config["seconds"]))
    else:
        due_at = max(turn.now, time_named(config["time"]))
    begin_effect(turn, node, visit, attempt)
    turn.record(facts.TimerScheduled, **at(visit, attempt), due_at=due_at)


def run_pure(turn: Turn, node: Node, visit: Visit, attempt: int) -> None:
    """A node without effects: its output is a function of the state."""
    result = within_limits(NodeResult(pure_output(turn, node, visit)))
    complete_node(turn, Try(visit, attempt), result)


def pure_output(turn: Turn, node: Node, visit: Visit) -> Any:
    """The output of a start, end, condition, transform, variable, break or cancel node."""
    if node.type == "start":
        return start_output(turn, visit)
    config = rendered_config(turn.instance, visit, node)
    if node.type == "variable":
        change = changed_variable(turn.instance.variables, config)
        turn.record(facts.VariableChanged, name=change.name, value=change.value, deleted=change.deleted)
        return change.value
    if node.type == "cancel":
        withdrawing.withdraw(turn, visit, config["nodes"])
        return None
    return config.get("output")


def start_output(turn: Turn, visit: Visit) -> Any:
    """The run's input; in a loop or map the item, or the number of the pass."""
    frame = turn.instance.frame(visit.scope)
    if not frame.is_pass:
        return turn.instance.request.input
    seen = scope_of(turn.instance, frame)
    return seen["item"] if "item" in seen else seen["index"]
