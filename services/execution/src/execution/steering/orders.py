"""What an order to a run comes to, given the run as it is: facts to record, nothing when it is so already (pure)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts import instance_events as facts
from contracts.refusal import Conflict, Missing
from execution.domain.instance import Instance

Order = Callable[[Instance, str, datetime], list[facts.InstanceEvent]]
"""`(instance, by, now) -> facts`; raises `Conflict` where the order makes no sense."""


ENDED_AS = {"cancelled": "been cancelled", "terminated": "been terminated"}
"""What happened to an instance, where its status does not say it alone."""


def check_alive(instance: Instance) -> None:
    """Raise `Conflict` when nothing can happen to it any more."""
    if instance.ended:
        raise Conflict("already_ended", f"The instance has already {ENDED_AS.get(instance.status, instance.status)}.")


def pause(instance: Instance, by: str, now: datetime) -> list[facts.InstanceEvent]:
    """Begin nothing further; one that rests has nothing in flight and is paused right away."""
    check_alive(instance)
    if instance.pause_requested_by is not None:
        return []
    asked = following(instance, facts.InstancePauseRequested, now, by=by)
    if instance.status != "waiting":
        return [asked]
    return [asked, following(instance, facts.InstancePaused, now, after=1)]


def resume(instance: Instance, by: str, now: datetime) -> list[facts.InstanceEvent]:
    """Let it go on."""
    check_alive(instance)
    return [] if instance.pause_requested_by is None else [following(instance, facts.InstanceResumed, now, by=by)]


def terminate(instance: Instance, by: str, now: datetime) -> list[facts.InstanceEvent]:
    """End it at once; that it has been terminated before is as good."""
    if instance.status == "terminated":
        return []
    check_alive(instance)
    if instance.terminate_requested_by is not None:
        return []
    return [following(instance, facts.InstanceTerminateRequested, now, by=by)]


def retry(instance: Instance, by: str, now: datetime) -> list[facts.InstanceEvent]:
    """Let a failed one go on from where it failed, unless what it had done has been undone."""
    if instance.status != "failed":
        raise Conflict("not_failed", f"Only a failed instance can be retried; this one is {instance.status}.")
    if instance.erased:
        raise Conflict("erased", "What the instance held was erased with its user: it cannot go on.")
    if instance.compensation is not None:
        reason = "what it had done has been undone (CompensationStarted)"
        raise Conflict("compensated", f"The instance cannot go on: {reason}. Execute the blueprint again.")
    return [following(instance, facts.InstanceRetried, now, by=by)]


def cancel_node(node_id: str) -> Order:
    """Give up whatever goes on at one node of the blueprint or of a body in it."""

    def order(instance: Instance, by: str, now: datetime) -> list[facts.InstanceEvent]:
        check_alive(instance)
        if instance.graph is not None and node_id not in instance.graph.places:
            raise Missing("node_not_found", f"The blueprint of this instance has no node {node_id!r}.")
        if instance.request.config.executor == "langgraph":
            sentence = "The executor `langgraph` cannot give up a single node; cancel the whole instance instead."
            raise Conflict("executor_cannot", sentence)
        begun = (visit for visit, _ in instance.live())
        if not any(visit.node_id == node_id for visit in (*begun, *instance.ready)):
            raise Conflict("nothing_goes_on", f"Nothing goes on at node {node_id!r} right now.")
        return [following(instance, facts.NodeCancelRequested, now, node_id=node_id, by=by)]

    return order


def following(
    instance: Instance, event_type: type[facts.InstanceEvent], now: datetime, after: int = 0, **fields: Any
) -> facts.InstanceEvent:
    """A fact that comes next in the instance's stream, `after` so many others that are recorded with it."""
    version = instance.version + after + 1
    return event_type(originator_id=instance.id, originator_version=version, timestamp=now, **fields)
