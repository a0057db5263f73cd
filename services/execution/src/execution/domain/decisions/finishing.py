"""A visit is over: its result recorded with the edges it goes on by, or its failure, and what answers that."""

from dataclasses import dataclass
from uuid import UUID

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain.decisions.places import PURE_ERRORS, as_failure, at
from execution.domain.figures import milliseconds
from execution.domain.node_schemas import check_output
from execution.domain.routing import catching_edges, rendered, taken_edges
from execution.domain.turn import Turn
from execution.domain.visits import Try, Visit
from execution.nodes.action import NodeFailure, NodeResult, within_limits

DEFAULT_MAX_VISITS = 100


@dataclass(frozen=True, slots=True)
class ChildRequested:
    """The outcome of a `blueprint` node's effect: another instance was requested on its behalf."""

    child_id: UUID
    blueprint_id: UUID
    blueprint_version: int
    detached: bool


Outcome = NodeResult | NodeFailure | ChildRequested


def settle(turn: Turn, visit: Visit, attempt: int, outcome: Outcome) -> None:
    """A result is in hand: record it, unless the visit is no longer in flight with this attempt."""
    running = turn.instance.running.get(visit)
    if running is None or running.number != attempt:
        return
    tried = Try(visit, attempt, milliseconds(running.since, turn.now))
    if isinstance(outcome, ChildRequested):
        begin_child(turn, visit, attempt, outcome)
    elif isinstance(outcome, NodeFailure):
        fail_node(turn, tried, outcome)
    else:
        complete_node(turn, tried, outcome)


def begin_child(turn: Turn, visit: Visit, attempt: int, child: ChildRequested) -> None:
    """The visit waits for another instance; a detached one is not waited for."""
    turn.record(
        facts.ChildStarted,
        **at(visit, attempt),
        child_id=child.child_id,
        blueprint_id=child.blueprint_id,
        blueprint_version=child.blueprint_version,
        detached=child.detached,
    )
    if child.detached:
        complete_node(turn, Try(visit, attempt), NodeResult({"instance_id": str(child.child_id)}))


def complete_node(turn: Turn, tried: Try, result: NodeResult, *, fell_back: bool = False) -> None:
    """Record the result and the edges it goes on by; a node that cannot go on has failed."""
    visit = tried.visit
    node = turn.instance.node(visit)
    try:
        if (complaint := check_output(node, result.output)) is not None and not fell_back:
            raise NodeFailure("permanent", "output_invalid", complaint)
        taken = () if is_compensating(turn, visit) else taken_edges(turn.instance, visit, node, result.output)
    except PURE_ERRORS as error:
        fail_node(turn, tried, as_failure(error))
        return
    turn.record(
        facts.NodeCompleted,
        **at(visit, tried.attempt),
        node_type=node.type,
        output=result.output,
        taken=taken,
        duration_ms=tried.took_ms,
        prompt_tokens=result.prompt_tokens,
        completion_tokens=result.completion_tokens,
        cost=result.cost,
        tool_calls=result.tool_calls,
        fell_back=fell_back,
    )
    leave_section(turn, visit)


def is_compensating(turn: Turn, visit: Visit) -> bool:
    """Whether the visit undoes another one: no edge leads out of it."""
    compensation = turn.instance.compensation
    return compensation is not None and compensation.visit == visit


def visits_allowed(turn: Turn) -> int:
    """How often a node may be visited in one frame."""
    return turn.instance.request.config.max_visits or DEFAULT_MAX_VISITS


def fail_node(turn: Turn, tried: Try, failure: NodeFailure) -> None:
    """Record a failed attempt; the retry middleware hears it."""
    error = RunError(type=failure.type, code=failure.code, message=failure.message, node_id=tried.visit.node_id)
    fail_with(turn, tried, error, failure.retry_after_seconds)


def fail_with(turn: Turn, tried: Try, error: RunError, retry_after_seconds: float | None = None) -> None:
    """Record a failed attempt with an error that may name another node: the one inside a body that failed first."""
    frame = turn.instance.frames.get(tried.visit.scope)
    turn.record(
        facts.NodeFailed,
        **at(tried.visit, tried.attempt),
        node_type=frame.graph.nodes[tried.visit.node_id].type if frame is not None else "",
        error=error,
        duration_ms=tried.took_ms,
        retry_after_seconds=retry_after_seconds,
    )


def answer_failure(turn: Turn, visit: Visit, failed: facts.NodeFailed) -> bool:
    """What the graph says to a failure that is not retried: a fallback value, or error edges. False when nothing.

    That a node was visited too often is answered once: a way back to the node would lead in circles for ever.
    """
    if visit.number > visits_allowed(turn) + 1 and not is_compensating(turn, visit):
        return False
    if fall_back(turn, visit, failed):
        return True
    try:
        taken = catching_edges(turn.instance, visit, failed.error)
    except PURE_ERRORS:
        taken = ()
    if taken:
        turn.record(facts.ErrorCaught, **at(visit, failed.attempt), error=failed.error, taken=taken)
    if taken or is_compensating(turn, visit):
        leave_section(turn, visit)
    return bool(taken)


def fall_back(turn: Turn, visit: Visit, failed: facts.NodeFailed) -> bool:
    """Complete the node with its fallback value, if it has one that can be made."""
    config = turn.instance.node(visit).config
    if config.get("fallback") is None:
        return False
    try:
        result = within_limits(NodeResult(rendered(turn.instance, visit, config["fallback"])))
        if not is_compensating(turn, visit):
            taken_edges(turn.instance, visit, turn.instance.node(visit), result.output)
    except PURE_ERRORS:
        return False
    complete_node(turn, Try(visit, failed.attempt), result, fell_back=True)
    return True


def leave_section(turn: Turn, place: Visit | None) -> None:
    """Give back the place in a critical section, or in its queue."""
    instance = turn.instance
    if not instance.held and not instance.queueing:
        return
    queued = instance.queueing.get(place)
    key = instance.held.get(place) or (queued.section_key if queued else None)
    if key is not None:
        of = {} if place is None else {"node_id": place.node_id, "visit": place.number, "scope": place.scope}
        turn.record(facts.SectionLeft, section_key=key, **of)
