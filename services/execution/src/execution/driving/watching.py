"""Bounding one attempt, in all and in how long it may be silent: it is told to stop first, then it is stopped."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from chassis.clock import monotonic
from contracts.workflow import Node, policy_of
from execution.nodes.action import NodeCall, NodeFailure

HARD_CANCEL_SECONDS = 1.0
"""What a node gets to stop by itself once it is told that nobody wants its result; then to let itself be stopped."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an attempt may take: seconds in all, and seconds without a sign of life."""

    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None

    @classmethod
    def of(cls, node: Node) -> "Bounds":
        """As the node's policies say."""
        return cls(policy_of(node, "timeout_seconds"), policy_of(node, "heartbeat_seconds"))

    def left(self, begun: float, last_sign: float) -> float:
        """Seconds until one of them is overdue, perhaps negative; of the monotonic clock."""
        moments = [begun + self.timeout_seconds] if self.timeout_seconds is not None else []
        moments += [last_sign + self.heartbeat_seconds] if self.heartbeat_seconds is not None else []
        return min(moments) - monotonic()

    def broken(self, begun: float) -> NodeFailure:
        """The failure of an attempt that is overdue."""
        if self.timeout_seconds is not None and monotonic() >= begun + self.timeout_seconds:
            return NodeFailure("timeout", "node_timeout", f"Not done after {self.timeout_seconds:g} s.")
        sentence = f"No sign of life for {self.heartbeat_seconds:g} s (heartbeat_seconds)."
        return NodeFailure("timeout", "heartbeat_timeout", sentence)


async def within(bounds: Bounds, call: NodeCall, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; raises `NodeFailure` when it is overdue, however it ends then."""
    if bounds.timeout_seconds is None and bounds.heartbeat_seconds is None:
        return await work
    working = asyncio.ensure_future(work)
    begun = monotonic()
    try:
        while (left := bounds.left(begun, call.pulse.last)) > 0:
            await asyncio.wait((working,), timeout=left)
            if working.done():
                return working.result()
        failure = bounds.broken(begun)
        call.cancellation.cancel()
        await asyncio.wait((working,), timeout=HARD_CANCEL_SECONDS)
        raise failure
    finally:
        await stop(working)


async def stop(working: "asyncio.Future[Any]") -> None:
    """Stop what still runs; what does not let itself be stopped is left behind, and its result with it."""
    if working.cancel():
        await asyncio.wait((working,), timeout=HARD_CANCEL_SECONDS)
    if working.done() and not working.cancelled():
        working.exception()
