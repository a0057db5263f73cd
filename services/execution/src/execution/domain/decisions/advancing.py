"""The order in which everything is decided: orders first, then failures, times, waits, bodies, and what is ready."""

from uuid import UUID

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain.decisions import bodies, ending, waits, withdrawing
from execution.domain.decisions.beginning import begin, section_key
from execution.domain.decisions.finishing import answer_failure, complete_node, is_compensating, settle
from execution.domain.decisions.places import PURE_ERRORS, as_failure, at
from execution.domain.figures import milliseconds
from execution.domain.frames import Frame
from execution.domain.instance import Instance
from execution.domain.routing import scope_of
from execution.domain.turn import Turn
from execution.domain.visits import Try
from execution.executors.registry import executor_for
from execution.executors.strategy import Executor, Patient
from execution.nodes.action import NodeFailure, NodeResult

DEFAULT_MAX_PARALLEL = 64
MAX_IDLE_CLAIMS = 5
"""So often may an instance be taken over without progress before its node counts as lost."""


def claim(turn: Turn, worker_id: UUID) -> None:
    """Take the instance over; a visit whose workers keep dying counts as failed."""
    turn.record(facts.InstanceClaimed, worker_id=worker_id, epoch=turn.instance.epoch + 1)
    if turn.instance.idle_claims > MAX_IDLE_CLAIMS:
        error = NodeFailure("transient", "worker_lost", "The workers that ran this node died again and again.")
        for visit, attempt in list(turn.instance.running.items()):
            settle(turn, visit, attempt.number, error)


def advance(turn: Turn) -> None:
    """Everything that follows now, until nothing more does or the middleware must be asked about a failure."""
    before = -1
    while len(turn.events) != before and not turn.is_full:
        before = len(turn.events)
        if turn.instance.ended or stopped(turn):
            return
        step(turn)
        if turn.instance.failed or not needs_another_look(turn.instance):
            return


def needs_another_look(instance: Instance) -> bool:
    """Whether what has just begun may have something to go on with already: a body, an early signal, an undoing."""
    return bool(instance.opened or instance.waits or instance.children or instance.compensation is not None)


def stopped(turn: Turn) -> bool:
    """Do what was ordered, answer failures and look at the clock; True when nothing else may begin now."""
    instance = turn.instance
    if instance.terminate_requested_by is not None:
        ending.terminate(turn)
    elif instance.cancel_requested_by is not None and instance.compensation is None:
        ending.cancel(turn)
    elif turn.session is not None and turn.session.fault is not None and instance.retry_at is None:
        ending.fail(turn, turn.session.fault)
    elif instance.failed:
        answer_failures(turn)
    if instance.ended or instance.failed:
        return True
    if instance.held:
        withdrawing.leave_forsaken_sections(turn)
    if is_late(turn):
        seconds = instance.request.config.timeout_seconds
        ending.fail(turn, RunError(type="timeout", code="execution_timeout", message=f"Not done after {seconds:g} s."))
        return instance.ended
    return instance.pause_requested_by is not None


def is_late(turn: Turn) -> bool:
    """Whether the run has had its time; undoing may take as long as it takes, and a retry has not begun."""
    instance = turn.instance
    if instance.compensation is not None or instance.retry_at is not None or instance.pause_requested_by is not None:
        return False
    return instance.deadline is not None and turn.now >= instance.deadline


def answer_failures(turn: Turn) -> None:
    """A failure that is not retried: the graph answers it, else the pass fails, else the run."""
    instance = turn.instance
    for visit, failed in list(instance.failed.items()):
        if visit not in instance.failed or answer_failure(turn, visit, failed):
            continue
        frame = instance.frames.get(visit.scope)
        if is_compensating(turn, visit):
            turn.record(facts.NodeCancelled, **at(visit, failed.attempt), reason="withdrawn")
        elif frame is not None and frame.opener is not None:
            bodies.fail_pass(turn, frame, failed.error)
        else:
            ending.fail(turn, failed.error)
            return


def step(turn: Turn) -> None:
    """One look at everything that may go on."""
    instance = turn.instance
    if not entered(turn):
        return
    if instance.cancel_visits:
        withdrawing.cancel_as_asked(turn)
    if instance.timers:
        fire_timers(turn)
    if instance.waits or instance.children:
        waits.end_waits(turn)
    if instance.opened:
        bodies.expire(turn)
        bodies.go_on(turn)
    begin_ready(turn)
    if not instance.ended and not instance.failed:
        end_early(turn)


def end_early(turn: Turn) -> None:
    """Undo the next thing, where the run is undone; end it where an `end` terminates it."""
    instance = turn.instance
    if instance.compensation is not None:
        ending.compensate(turn)
    elif instance.root is not None and instance.root.stopped:
        ending.complete(turn, instance.root.answer)


def entered(turn: Turn) -> bool:
    """Whether the run is under way, begun or begun again; a rate limit or a critical section may hold it back."""
    instance = turn.instance
    if instance.retry_at is not None:
        if turn.now < instance.retry_at:
            return False
        turn.record(facts.InstanceRetried, by="instance_retry")
    if instance.compensation is not None:
        return True
    if instance.admitted_at is not None and turn.now < instance.admitted_at:
        return False
    if not inside_section(turn):
        return False
    if instance.started_at is None:
        turn.record(facts.InstanceStarted)
    return True


def inside_section(turn: Turn) -> bool:
    """Whether the run has its place in its critical section, if it needs one; otherwise it queues for it."""
    instance = turn.instance
    section = instance.request.config.concurrency
    if section is None or None in instance.held:
        return True
    if None in instance.queueing:
        return False
    try:
        key = section_key(turn, section, scope_of(instance))
    except PURE_ERRORS as error:
        failure = as_failure(error)
        ending.fail(turn, RunError(type=failure.type, code=failure.code, message=failure.message))
        return False
    turn.record(facts.SectionRequested, section_key=key, limit=section.limit)
    return False


def fire_timers(turn: Turn) -> None:
    """Visits whose time has come go on, or are begun again."""
    for visit, timer in list(turn.instance.timers.items()):
        if timer.due_at > turn.now or visit not in turn.instance.timers:
            continue
        if timer.retry:
            begin(turn, visit, timer.attempt)
        else:
            complete_node(turn, Try(visit, timer.attempt, milliseconds(timer.since, turn.now)), NodeResult(None))


def begin_ready(turn: Turn) -> None:
    """Begin what the executor chooses, until it waits for something in flight."""
    instance = turn.instance
    config = instance.request.config
    executor, limit = executor_of(turn), config.max_parallel or DEFAULT_MAX_PARALLEL
    while instance.ready and not instance.ended and not instance.failed and not turn.is_full:
        chosen = executor.choose(instance.ready, instance.in_flight, limit)
        if not chosen:
            return
        for visit in chosen:
            if visit in instance.ready:
                begin(turn, visit, instance.next_attempt.get(visit, 1))


def executor_of(turn: Turn) -> Executor:
    """Who chooses what begins: the session that is open, else the executor that the run names."""
    return turn.session or executor_for(turn.instance.request.config.executor)


def conclude(turn: Turn) -> None:
    """When nothing follows and nothing is in flight: complete, or rest until something happens."""
    instance = turn.instance
    if instance.ended or instance.failed or instance.running or turn.is_full:
        return
    if instance.pause_requested_by is not None:
        if instance.status != "paused":
            turn.record(facts.InstancePaused)
        return
    root = instance.root
    is_done = root is not None and instance.started_at is not None and root.flow.active == 0
    if is_done and root is not None and instance.compensation is None and instance.retry_at is None:
        complete(turn, root)
    elif instance.status != "waiting" and not will_begin(turn):
        turn.record(facts.InstanceSuspended, due_at=instance.wakes_at)


def complete(turn: Turn, root: Frame) -> None:
    """Nothing is left to do, unless the executor waits for something that will never be ready."""
    fault = turn.session.objection(root.flow.visits) if turn.session is not None else None
    if fault is not None:
        ending.fail(turn, fault)
    else:
        ending.complete(turn, root.answer)


def will_begin(turn: Turn) -> bool:
    """Whether the executor has yet to make up its mind about something that is ready."""
    ready = turn.instance.ready
    if not ready or turn.instance.retry_at is not None:
        return False
    executor = executor_of(turn)
    return isinstance(executor, Patient) and executor.expects(ready)


def hand_over(turn: Turn) -> None:
    """Rest right now, so that another worker goes on at once (this one is stopping)."""
    turn.record(facts.InstanceSuspended, due_at=turn.now)
