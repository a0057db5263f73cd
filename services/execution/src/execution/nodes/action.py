"""What an effectful node is given, what it gives back, and how it says that it failed."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID

import orjson

from chassis.clock import monotonic
from contracts.workflow import MAX_VALUE_BYTES, ErrorType

T = TypeVar("T")

MAX_MESSAGE_CHARACTERS = 4_000
"""Of a failure's message."""


class Cancellation:
    """Tells a running node that nobody wants its result any more; set by the engine, heard by the node."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        """Nothing is cancelled yet."""
        self._event = asyncio.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the instance was cancelled; safe to read from any thread."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Tell everybody who listens; call it on the event loop."""
        self._event.set()

    async def wait(self) -> None:
        """Return once the instance is cancelled."""
        await self._event.wait()


class Pulse:
    """When a running node last gave a sign of life, on the monotonic clock."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        """It lives now."""
        self.last = monotonic()

    def beat(self) -> None:
        """A sign of life; safe from any thread."""
        self.last = monotonic()


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One attempt at one visit of one node."""

    instance_id: UUID
    node_id: str
    node_type: str
    visit: int
    """1 for the first visit; loops come back with 2, 3, …"""
    attempt: int
    """1 + the number of failures already recorded for this visit."""
    idempotency_key: str
    """The same after a crash, another one for each retry: send it along with every effect."""
    config: dict[str, Any] = field(repr=False)
    """The node's configuration with its templates rendered and the policy keys taken out; it may hold secrets."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """`provider`, `model` and `temperature` of the run, for nodes that do not name their own."""
    cancellation: Cancellation = field(default_factory=Cancellation)
    traceparent: str | None = None
    on_token: Callable[[str], None] | None = None
    """Where streamed text goes while the node runs; None when nobody listens."""
    timeout_seconds: float | None = None
    """The node's own timeout policy. The engine enforces it; an action may hand it to its client."""
    pulse: Pulse = field(default_factory=Pulse)

    def heartbeat(self) -> None:
        """A sign of life, from any thread: a node with `heartbeat_seconds` fails when none comes for so long."""
        self.pulse.beat()


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What the node produced and what it used up."""

    output: Any
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    """US dollars."""
    tool_calls: int = 0


class NodeFailure(Exception):
    """The attempt failed; `type` decides whether the retry policy tries again."""

    def __init__(self, type: ErrorType, code: str, message: str, retry_after_seconds: float | None = None) -> None:
        """`code` is a stable slug (`http_status`), `message` a sentence for a person, cut where it grows too long."""
        super().__init__(message)
        self.type: ErrorType = type
        self.code = code
        self.message = recordable(message)
        self.retry_after_seconds = retry_after_seconds


def recordable(text: str) -> str:
    """Text that the ledger and its read models can hold: valid Unicode without NUL, of limited length."""
    kept = text if len(text) <= MAX_MESSAGE_CHARACTERS else f"{text[: MAX_MESSAGE_CHARACTERS - 1]}…"
    return kept.encode(errors="replace").decode().replace("\0", "\ufffd")


def within_limits(result: NodeResult) -> NodeResult:
    """The result, if it is JSON of a size that the ledger takes; else `NodeFailure`."""
    try:
        size = len(orjson.dumps(result.output))
    except TypeError as error:
        raise NodeFailure("permanent", "not_json", f"The output is not JSON: {error}.") from error
    if size > MAX_VALUE_BYTES:
        raise NodeFailure("permanent", "output_too_large", f"The output has {size} bytes, over {MAX_VALUE_BYTES}.")
    return result


class NodeAction(Protocol):
    """One effectful node type. Shared by all instances of the process, so it keeps no state of a call."""

    async def run(self, call: NodeCall) -> NodeResult:
        """Do it once; raise `NodeFailure` when it did not work. Any other exception counts as a permanent failure."""
        ...


async def unless_cancelled(cancellation: Cancellation, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is broken off as soon as nobody wants it any more."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(cancellation.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise NodeFailure("cancelled", "cancelled", "The run was cancelled.")
    finally:
        stopping.cancel()
        if working.cancel():
            await asyncio.gather(working, return_exceptions=True)
