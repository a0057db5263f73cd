"""Stand-ins for the three services: they answer the contract subjects on a real NATS with what a test tells them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis.bus import REFUSAL_HEADER, Bus
from chassis.ops import PID
from contracts.blueprint import BlueprintReference, ResolveBlueprint
from contracts.execution import ExecutionView, InstanceMetrics, InstanceView, StreamLine, StreamLines, Token
from contracts.instance_events import (
    InstanceCompleted,
    InstanceEnded,
    InstanceEvent,
    InstanceFailed,
    InstanceRetried,
    InstanceStarted,
    InstanceTerminated,
    NodeStarted,
)
from contracts.message import Request
from contracts.refusal import Refusal

R = TypeVar("R", bound=Request)
Answer = Any
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors"}
NOON = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
BLUEPRINT_ID = UUID("0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10")


class FakeHouse:
    """Answers requests with a view, JSON, a refusal, or not at all (None); remembers what it was asked."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.asked: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self._subscriptions: dict[str, Subscription] = {}

    async def when(self, request_type: type[R], answer: Callable[[R], Answer | Awaitable[Answer]] | Answer) -> None:
        """From now on, answer requests of this type so; takes the place of an earlier answer.

        A function is called when the request is heard, so that `asked` ends with this one; what it returns may take
        its time.
        """

        async def hear(message: Msg) -> None:
            request = request_type.model_validate_json(message.data)
            self.asked.append(request)
            self.headers.append(dict(message.headers or {}))
            given = answer(request) if callable(answer) else answer
            tasks.add(task := asyncio.create_task(reply(message, given)))
            task.add_done_callback(tasks.discard)

        async def reply(message: Msg, given: Answer | Awaitable[Answer]) -> None:
            given = await given if isawaitable(given) else given
            if isinstance(given, Refusal):
                body = given.view().model_dump_json().encode()
                await self.bus.nc.publish(message.reply, body, headers={REFUSAL_HEADER: given.code})
            elif given is not None:
                await message.respond(_json(given))

        tasks: set[asyncio.Task[None]] = set()
        subject = request_type.subject(self.bus.namespace)
        if earlier := self._subscriptions.pop(subject, None):
            await earlier.unsubscribe()
        self._subscriptions[subject] = await self.bus.nc.subscribe(subject, cb=hear)
        await self._settled()

    async def leave(self, request_type: type[Request]) -> None:
        """Nobody answers requests of this type any more."""
        await self._subscriptions.pop(request_type.subject(self.bus.namespace)).unsubscribe()
        await self._settled()

    async def answer_ops(self, service: str, metrics: str = "", pid: str = "1", *, ready: bool = True) -> None:
        """Answer the pings and the metrics requests of a service, as one more process of it."""

        async def pong(message: Msg) -> None:
            await message.respond(orjson.dumps({"service": service, "ready": ready}))

        async def page(message: Msg) -> None:
            await self.bus.nc.publish(message.reply, metrics.encode(), headers={PID: pid})

        await self.bus.nc.subscribe(self.bus.subject("ops", service, "ping"), cb=pong)
        await self.bus.nc.subscribe(self.bus.subject("ops", service, "metrics"), cb=page)
        await self._settled()

    async def say(self, event: InstanceEvent) -> None:
        """Publish an event as the relay of execution does."""
        await self._say(event)
        await self._settled()

    async def say_at_once(self, instance_id: UUID, *told: InstanceEvent | str) -> None:
        """Publish events and tokens so that they arrive in one piece."""
        for each in told:
            if isinstance(each, str):
                await self._whisper(instance_id, each)
            else:
                await self._say(each)
        await self._settled()

    async def _say(self, event: InstanceEvent) -> None:
        headers = {"Headrace-Version": str(event.originator_version), "ce-type": event.topic()}
        await self.bus.nc.publish(event.subject(self.bus.namespace), event.state(), headers=headers)

    async def _whisper(self, instance_id: UUID, text: str) -> None:
        token = Token(node_id="answer", visit=1, text=text)
        await self.bus.nc.publish(Token.subject(instance_id, self.bus.namespace), token.model_dump_json().encode())

    async def whisper(self, instance_id: UUID, text: str) -> None:
        """Send a token of a model's answer."""
        await self._whisper(instance_id, text)
        await self._settled()

    async def _settled(self) -> None:
        # nats-py sends the PING of a flush ahead of what is pending; only a second one comes after it.
        await self.bus.nc.flush()
        await self.bus.nc.flush()

    def asked_for(self, request_type: type[R]) -> list[R]:
        """What was asked of this type, in order."""
        return [request for request in self.asked if isinstance(request, request_type)]


def reference(**changes: Any) -> BlueprintReference:
    """What `blueprint` says of a blueprint of Ada's."""
    facts = {"id": BLUEPRINT_ID, "version": 1, "position": 7, "latest_version": 1, "owner_id": "ada", "team_id": None}
    return BlueprintReference(**{**facts, "visibility": "private", "archived": False, **changes})


def execution(instance_id: UUID, status: str = "completed", **changes: Any) -> ExecutionView:
    """A run as execution answers it."""
    return ExecutionView(**{"instance_id": instance_id, "status": status, "metrics": InstanceMetrics(), **changes})


def instance(instance_id: UUID, status: str = "completed", **changes: Any) -> InstanceView:
    """An instance as execution shows it."""
    facts = dict.fromkeys(("input", "output", "error", "conversation_id", "started_at", "completed_at"))
    facts |= {"id": instance_id, "blueprint_id": BLUEPRINT_ID, "blueprint_version": 1, "status": status}
    return InstanceView(
        **{**facts, "user_id": "ada", "metadata": {}, "created_at": NOON, "metrics": InstanceMetrics(), **changes}
    )


def started(instance_id: UUID) -> InstanceStarted:
    """The first event of a run, as short as they come."""
    return InstanceStarted(originator_id=instance_id, originator_version=1, timestamp=NOON)


def node_started(instance_id: UUID, version: int) -> NodeStarted:
    """An event in the middle of a run."""
    place = {"originator_id": instance_id, "originator_version": version, "timestamp": NOON}
    return NodeStarted(**place, node_id=f"node-{version}", visit=1, attempt=1, node_type="tool")


def completed(instance_id: UUID, version: int, output: Any = "done") -> InstanceCompleted:
    """The last event of a run."""
    return InstanceCompleted(**_end_of(instance_id, version), output=output)


def failed(instance_id: UUID, version: int) -> InstanceFailed:
    """The last event of a run, unless it is retried."""
    error = {"type": "permanent", "code": "broken", "message": "It broke."}
    return InstanceFailed(**_end_of(instance_id, version), error=error)


def terminated(instance_id: UUID, version: int) -> InstanceTerminated:
    """The last event of a run that somebody ended at once."""
    return InstanceTerminated(**_end_of(instance_id, version))


def retried(instance_id: UUID, version: int) -> InstanceRetried:
    """What lets a failed run go on."""
    return InstanceRetried(originator_id=instance_id, originator_version=version, timestamp=NOON, by="ada")


def _end_of(instance_id: UUID, version: int) -> dict[str, Any]:
    place = {"originator_id": instance_id, "originator_version": version, "timestamp": NOON}
    of = {"blueprint_id": BLUEPRINT_ID, "blueprint_version": 1, "user_id": "ada", "team_id": None}
    return {**place, **of, "requested_at": NOON, "figures": {}}


def recorded(*events: InstanceEvent) -> StreamLines:
    """What the ledger answers to somebody who follows."""
    lines = [
        StreamLine(
            seq=event.originator_version,
            event=event.topic(),
            instance_id=event.originator_id,
            time=event.timestamp,
            data=event.model_dump(mode="json", exclude={"originator_id", "originator_version", "timestamp"}),
        )
        for event in events
    ]
    return StreamLines(items=lines, ended=bool(events) and isinstance(events[-1], InstanceEnded))


async def resolves(house: FakeHouse, answer: Any = None) -> None:
    """Let the blueprint be found."""
    await house.when(ResolveBlueprint, answer or reference())


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of an answer that must be a problem."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == PROBLEM_MEMBERS
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:headrace:problem:{problem['code']}"
    return answer.status_code, problem["code"]


def stranger() -> UUID:
    """An id that nobody knows."""
    return uuid4()


def _json(given: Any) -> bytes:
    if isinstance(given, bytes):
        return given
    return orjson.dumps(given) if isinstance(given, dict) else given.model_dump_json(by_alias=True).encode()
