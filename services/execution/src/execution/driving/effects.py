"""Running one attempt of an effectful node: render its configuration, act, bound its time and its output."""

import asyncio
from collections.abc import Awaitable, Callable

from chassis import telemetry
from chassis.expressions import ExpressionError
from chassis.logs import get_logger
from contracts.node_types import CALL_TYPE
from contracts.workflow import policy_of
from execution.domain.decisions.finishing import ChildRequested, Outcome
from execution.domain.instance import Instance
from execution.domain.routing import rendered_config
from execution.domain.visits import Visit, idempotency_key
from execution.driving.watching import Bounds, within
from execution.nodes.action import Cancellation, NodeCall, NodeFailure, Pulse, within_limits
from execution.nodes.registry import NodeActions

log = get_logger(__name__)
Tokens = Callable[[Instance, Visit, str], None]
RequestChild = Callable[[Instance, Visit, NodeCall], Awaitable[ChildRequested]]
"""Starts another instance for a `blueprint` node, the same one however often it is asked; raises `NodeFailure`."""


class Effects:
    """Turns a visit in flight into a result, whatever its code does."""

    def __init__(self, actions: NodeActions, on_token: Tokens, request_child: RequestChild) -> None:
        """`on_token` takes streamed text on its way to whoever listens."""
        self.actions = actions
        self.on_token = on_token
        self.request_child = request_child

    async def perform(
        self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation, traceparent: str | None
    ) -> Outcome:
        """One attempt; every way to fail becomes a `NodeFailure`, so that no node can take its worker down."""
        node = instance.node(visit)
        attributes = {
            "headrace.instance_id": str(instance.id),
            "headrace.node_id": node.id,
            "headrace.visit": visit.number,
        }
        try:
            with telemetry.span(f"node {node.type}", traceparent, attributes):
                call = self.call(instance, visit, attempt, cancellation)
                if node.type == CALL_TYPE:
                    return await self.request_child(instance, visit, call)
                result = await within(Bounds.of(node), call, self.actions.action_for(node.type).run(call))
            return within_limits(result)
        except NodeFailure as failure:
            return failure
        except ExpressionError as error:
            return NodeFailure("permanent", "expression_failed", str(error))
        except TimeoutError as error:
            return NodeFailure("timeout", "node_timeout", f"Timed out: {error}" if str(error) else "Timed out.")
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_being_stopped():
                raise
            log.exception("node.raised", instance_id=str(instance.id), node_id=node.id)
            return NodeFailure("permanent", "node_raised", f"{type(error).__name__}: {error}")

    def call(self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation) -> NodeCall:
        """What the node is given; the idempotency key names the attempt and survives a crash."""
        node = instance.node(visit)
        config = instance.request.config
        pulse = Pulse()

        def speak(text: str) -> None:
            pulse.beat()
            self.on_token(instance, visit, text)

        return NodeCall(
            instance_id=instance.id,
            node_id=node.id,
            node_type=node.type,
            visit=visit.number,
            attempt=attempt,
            idempotency_key=idempotency_key(instance.id, visit, attempt),
            config=rendered_config(instance, visit, node),
            defaults={"provider": config.provider, "model": config.model, "temperature": config.temperature},
            cancellation=cancellation,
            traceparent=telemetry.current_traceparent(),
            on_token=speak,
            timeout_seconds=policy_of(node, "timeout_seconds"),
            pulse=pulse,
        )


def is_being_stopped() -> bool:
    """Whether the running task is told to stop; a node may also let through that something of its own was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
