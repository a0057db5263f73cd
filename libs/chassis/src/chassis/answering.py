"""Commands and queries: an answer, a refusal or a failure goes back as the reply."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from pydantic import BaseModel, TypeAdapter, ValidationError

from chassis import telemetry
from chassis.bus import INBOX, connection_options, refused, settle
from chassis.clock import monotonic
from chassis.ids import new_id
from chassis.logs import get_logger
from chassis.postgres import LOST
from chassis.transport import client_for, nats_tls
from contracts.message import Request
from contracts.parsing import unkept_values_in
from contracts.refusal import Failed, Malformed, Problem, Refusal, Unavailable
from contracts.scopes import check_scope
from contracts.versions import FromTheFuture

REQUESTS_AT_ONCE = 5_000
"""Requests under way in one process; further ones are refused at once."""
REPLY_BYTES_MARGIN = 1_024

log = get_logger(__name__)
Answerer = Callable[[Any, Any], Awaitable[Any]]
Reply = tuple[dict[str, str] | None, bytes]
BUSY = Unavailable("busy", "too many requests are under way here", retry_after_seconds=1.0)


class Answering:
    """The requests that one process answers, on a connection of its own.

    They are heard in the service's queue group. Each is answered in a task of its own, so a slow one holds back no
    other, and draining a subscription leaves no request between the wire and its task.
    """

    def __init__(self, service: str, url: str, namespace: str) -> None:
        """`service` is the queue group: each request reaches one of its processes."""
        self._service = service
        self._url = url
        self._namespace = namespace
        self._subscriptions: list[Subscription] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._tls = nats_tls(url)
        self._client = client_for(self._tls)

    @property
    def connected(self) -> bool:
        """Whether requests can arrive right now."""
        return bool(self._client.is_connected)

    async def start(self, answers: Mapping[type[Request], Answerer], deps: Any) -> None:
        """Answer each request with its handler, called with the request and `deps`."""
        await self._client.connect(
            self._url.split(","), **connection_options(f"{self._service} requests", self._url, self._tls)
        )
        for request_type, handler in answers.items():
            desk = Desk(request_type, handler, deps, self._client.max_payload - REPLY_BYTES_MARGIN)
            subject = request_type.subject(self._namespace)
            subscription = await self._client.subscribe(subject, queue=self._service, cb=self._receiver(desk, subject))
            self._subscriptions.append(subscription)
        await settle(self._client)

    async def stop(self, patience_seconds: float) -> None:
        """Take no further request, let those under way finish for so long, then disconnect."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._drain()
        except (TimeoutError, Error) as error:
            log.warning("requests.cut_off", service=self._service, under_way=len(self._under_way), reason=repr(error))
        await self._client.close()

    async def _drain(self) -> None:
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py left it without annotations
        while self._under_way:
            await asyncio.wait(self._under_way)
        await settle(self._client)

    def _receiver(self, desk: "Desk", subject: str) -> Callable[[Msg], Awaitable[None]]:
        async def answer(message: Msg) -> None:
            headers, body = await desk.answer(message)
            await self._client.publish(message.reply, body, headers=headers)

        async def receive(message: Msg) -> None:
            if message.subject != subject or not message.reply.startswith(INBOX):
                # Who may not ask can still make the server deliver something here: a consumer, a republished message.
                log.error("request.not_asked", service=self._service, subject=message.subject, reply=message.reply)
                return
            if len(self._under_way) >= REQUESTS_AT_ONCE:
                headers, body = refused(BUSY)
                await self._client.publish(message.reply, body, headers=headers)
                return
            task = asyncio.create_task(answer(message))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

        return receive


class Desk:
    """Answers one kind of request. Nothing that a handler raises leaves the requester without a reply."""

    def __init__(self, request_type: type[Request], handler: Answerer, deps: Any, reply_bytes_max: int) -> None:
        """`handler(request, deps)` returns the answer's model, or its JSON as bytes."""
        self._request_type = request_type
        self._handler = handler
        self._deps = deps
        self._reply_bytes_max = reply_bytes_max
        self._name = request_type.__name__
        self._answer_type: TypeAdapter[Any] = TypeAdapter(request_type.ANSWER)
        self._seconds = telemetry.REQUEST_SECONDS.labels(self._name)
        self._answered = telemetry.REQUESTS.labels(self._name, "answered")

    async def answer(self, message: Msg) -> Reply:
        """Headers and body of the reply to one message."""
        started = monotonic()
        with telemetry.span(self._name, telemetry.extract(message.headers)) as span:
            try:
                reply = self._fitting(await self._handle(message.data))
                self._answered.inc()
            except Refusal as refusal:
                span.set("refusal", refusal.code)
                telemetry.REQUESTS.labels(self._name, refusal.code).inc()
                reply = refused(refusal)
        self._seconds.observe(monotonic() - started)
        return reply

    async def _handle(self, body: bytes) -> bytes:
        try:
            request = self._request_type.model_validate_json(body)
        except ValidationError as error:
            raise _malformed(self._name, error) from error
        problems = () if request.JUDGES_VALUES else unkept_values_in(body)
        if problems:
            raise Malformed("malformed", f"this {self._name} holds what nobody can keep", problems)
        check_scope(request.caller, request.NEEDS)
        try:
            answer = await self._handler(request, self._deps)
            if isinstance(answer, bytes):
                return answer
            if isinstance(answer, BaseModel):
                return answer.model_dump_json().encode()
            return self._answer_type.dump_json(answer)
        except Refusal:
            raise
        except FromTheFuture as error:
            log.critical("request.too_old", request=self._name, reason=str(error))
            detail = f"{error}: this process is older than what was recorded; the upgrade has to be finished."
            raise Unavailable("version_skew", detail, retry_after_seconds=1.0) from error
        except LOST as error:
            log.warning("request.database_lost", request=self._name, error=repr(error))
            raise Unavailable(
                "database_unavailable", "Postgres does not answer right now; try again", retry_after_seconds=1.0
            ) from error
        except Exception as error:
            failure_id = new_id()
            log.exception("request.failed", request=self._name, failure_id=str(failure_id))
            raise Failed("internal_error", f"something went wrong on our side; its log id is {failure_id}") from error

    def _fitting(self, body: bytes) -> Reply:
        if len(body) > self._reply_bytes_max:
            detail = f"the answer has {len(body)} bytes, more than the message bus carries ({self._reply_bytes_max})"
            raise Failed("answer_too_large", detail)
        return None, body


def _malformed(name: str, error: ValidationError) -> Malformed:
    problems = tuple(
        Problem(pointer="/" + "/".join(map(str, found["loc"])), code=found["type"], message=found["msg"])
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return Malformed("malformed", f"this is not a {name}: {len(problems)} problems", problems)
