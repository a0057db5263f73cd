"""Running one attempt of an effectful node: render its configuration, act, bound its time and its output."""

import asyncio
from collections.abc import Callable

from chassis import telemetry
from chassis.expressions import ExpressionError
from chassis.logs import get_logger
from contracts.workflow import policy_of
from execution.domain import Instance
from execution.nodes.action import Cancellation, NodeCall, NodeFailure, NodeResult, within_limits
from execution.nodes.registry import NodeActions
from execution.routing import rendered_config
from execution.visits import Visit

log = get_logger(__name__)
Tokens = Callable[[Instance, Visit, str], None]


class Effects:
    """Turns a visit in flight into a result, whatever its code does."""

    def __init__(self, actions: NodeActions, on_token: Tokens) -> None:
        """`on_token` takes streamed text on its way to whoever listens."""
        self.actions = actions
        self.on_token = on_token

    async def perform(
        self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation, traceparent: str | None
    ) -> NodeResult | NodeFailure:
        """One attempt; every way to fail becomes a `NodeFailure`, so that no node can take its worker down."""
        node = instance.node(visit)
        seconds = policy_of(node, "timeout_seconds")
        attributes = {
            "headrace.instance_id": str(instance.id),
            "headrace.node_id": node.id,
            "headrace.visit": visit.number,
        }
        try:
            with telemetry.span(f"node {node.type}", traceparent, attributes):
                call = self.call(instance, visit, attempt, cancellation)
                async with asyncio.timeout(seconds):
                    result = await self.actions.action_for(node.type).run(call)
            return within_limits(result)
        except NodeFailure as failure:
            return failure
        except ExpressionError as error:
            return NodeFailure("permanent", "expression_failed", str(error))
        except TimeoutError:
            return NodeFailure("timeout", "node_timeout", f"Not done after {seconds:g} s." if seconds else "Timed out.")
        except Exception as error:
            log.exception("node.raised", instance_id=str(instance.id), node_id=node.id)
            return NodeFailure("permanent", "node_raised", f"{type(error).__name__}: {error}")

    def call(self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation) -> NodeCall:
        """What the node is given; the idempotency key names the attempt and survives a crash."""
        node = instance.node(visit)
        config = instance.request.config
        return NodeCall(
            instance_id=instance.id,
            node_id=node.id,
            node_type=node.type,
            visit=visit.number,
            attempt=attempt,
            idempotency_key=idempotency_key(instance, visit, attempt),
            config=rendered_config(instance, visit, node),
            defaults={"provider": config.provider, "model": config.model, "temperature": config.temperature},
            cancellation=cancellation,
            traceparent=telemetry.current_traceparent(),
            on_token=lambda text: self.on_token(instance, visit, text),
            timeout_seconds=policy_of(node, "timeout_seconds"),
        )


def idempotency_key(instance: Instance, visit: Visit, attempt: int) -> str:
    """`instance/scope/node/visit/attempt`; the scope is empty outside of bodies."""
    return f"{instance.id}/{visit.scope}/{visit.node_id}/{visit.number}/{attempt}"
