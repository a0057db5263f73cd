"""Running one attempt of an effectful node: render its configuration, act, bound its time and its output."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis import telemetry
from chassis.expressions import ExpressionError
from chassis.ids import text_of
from chassis.logs import get_logger
from contracts.instance_events import InstanceRequested
from contracts.node_types import CALL_TYPE
from contracts.workflow import policy_of
from execution.domain.decisions.finishing import ChildRequested, Outcome
from execution.domain.instance import Instance
from execution.domain.redaction import Redaction, Speech
from execution.domain.routing import rendered_config, secret_names
from execution.domain.visits import Visit, idempotency_key
from execution.driving.watching import Bounds, within
from execution.nodes.action import Cancellation, NodeCall, NodeFailure, NodeResult, Pulse, within_limits
from execution.nodes.registry import NodeActions

log = get_logger(__name__)
Tokens = Callable[[Instance, Visit, str], None]
RequestChild = Callable[[Instance, Visit, NodeCall], Awaitable[ChildRequested]]
"""Starts another instance for a `blueprint` node, the same one however often it is asked; raises `NodeFailure`."""
OpenSecrets = Callable[[InstanceRequested, Sequence[str]], Awaitable[Mapping[str, str]]]
"""The values of the secrets of these names that a run may read; raises `NodeFailure`."""
NOTHING = Redaction({})
"""Hides nothing: most nodes know no secret."""


class Effects:
    """Turns a visit in flight into a result, whatever its code does."""

    def __init__(
        self, actions: NodeActions, on_token: Tokens, request_child: RequestChild, open_secrets: OpenSecrets
    ) -> None:
        """`on_token` takes streamed text on its way to whoever listens."""
        self.actions = actions
        self.on_token = on_token
        self.request_child = request_child
        self.open_secrets = open_secrets

    async def perform(
        self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation, traceparent: str | None
    ) -> Outcome:
        """One attempt; every way to fail becomes a `NodeFailure`, so that no node can take its worker down."""
        node = instance.node(visit)
        attributes = {
            "headrace.instance_id": text_of(instance.id),
            "headrace.node_id": node.id,
            "headrace.visit": visit.number,
        }
        names = secret_names(instance, visit)
        try:
            with telemetry.span(f"node {node.type}", traceparent, attributes):
                if names:
                    return await self.act_in_secret(instance, visit, attempt, cancellation, names)
                return await self.act(self.call(instance, visit, attempt, cancellation), instance, visit)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - logged there, if nobody expects it
            return failure_of(error, instance, visit)

    async def act(self, call: NodeCall, instance: Instance, visit: Visit) -> Outcome:
        """Do what the node does, within its bounds."""
        if call.node_type == CALL_TYPE:
            return await self.request_child(instance, visit, call)
        bounds = Bounds.of(instance.node(visit))
        return within_limits(await within(bounds, call, self.actions.action_for(call.node_type).run(call)))

    async def act_in_secret(
        self, instance: Instance, visit: Visit, attempt: int, cancellation: Cancellation, names: Sequence[str]
    ) -> Outcome:
        """As `act`, for a node that reads secrets: whatever leaves it leaves without their values."""
        redaction = Redaction(await self.open_secrets(instance.request, names))
        speech = Speech(redaction, lambda text: self.on_token(instance, visit, text))
        try:
            call = self.call(instance, visit, attempt, cancellation, speech)
            outcome = await self.act(call, instance, visit)
            return redaction.result(outcome) if isinstance(outcome, NodeResult) else outcome
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - likewise
            failure = redaction.failure(failure_of(error, instance, visit, redaction))
        finally:
            speech.end()
        # Not from inside the handler: what led to it would go along.
        raise failure

    def call(
        self,
        instance: Instance,
        visit: Visit,
        attempt: int,
        cancellation: Cancellation,
        speech: Speech | None = None,
    ) -> NodeCall:
        """What the node is given; the idempotency key names the attempt and survives a crash.

        With `speech` the node may read the secrets that are hidden in it.
        """
        node = instance.node(visit)
        config = instance.request.config
        pulse = Pulse()

        def speak(text: str) -> None:
            pulse.beat()
            if speech is None:
                self.on_token(instance, visit, text)
            else:
                speech.say(text)

        return NodeCall(
            instance_id=instance.id,
            node_id=node.id,
            node_type=node.type,
            visit=visit.number,
            attempt=attempt,
            idempotency_key=idempotency_key(instance.id, visit, attempt),
            config=rendered_config(instance, visit, node, speech.redaction.values if speech else None),
            defaults={"provider": config.provider, "model": config.model, "temperature": config.temperature},
            cancellation=cancellation,
            traceparent=telemetry.current_traceparent(),
            on_token=speak,
            timeout_seconds=policy_of(node, "timeout_seconds"),
            pulse=pulse,
        )


def failure_of(error: BaseException, instance: Instance, visit: Visit, redaction: Redaction = NOTHING) -> NodeFailure:
    """What an exception that a node let through means; raises it again when the task itself is told to stop."""
    if isinstance(error, NodeFailure):
        return error
    if isinstance(error, ExpressionError):
        return NodeFailure("permanent", "expression_failed", str(error))
    if isinstance(error, TimeoutError):
        return NodeFailure("timeout", "node_timeout", f"Timed out: {error}" if str(error) else "Timed out.")
    if isinstance(error, asyncio.CancelledError) and is_being_stopped():
        raise error
    told = redaction.text("".join(traceback.format_exception(error)))
    log.error("node.raised", instance_id=str(instance.id), node_id=visit.node_id, exception=told)
    return NodeFailure("permanent", "node_raised", f"{type(error).__name__}: {error}")


def is_being_stopped() -> bool:
    """Whether the running task is told to stop; a node may also let through that something of its own was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
