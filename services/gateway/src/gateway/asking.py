"""Asking execution to run a blueprint until the answer is certain, whatever happens to the worker meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from uuid import UUID

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis import clock
from chassis.bus import Bus
from contracts.execution import ENDED, ExecuteBlueprint, GetInstance
from contracts.instance_events import ENDINGS
from contracts.message import Command, Query
from contracts.refusal import Refusal, Unavailable

SLICE_SECONDS = 2.0
"""After so long without an answer, ask again: a worker that died will not answer, another one knows.

Each pause after that is twice as long, so that a service which is only slow is not kept from its work by questions.
"""
RETRY_SECONDS = 0.25
"""Pause before asking again when nobody was there to hear it."""
RESTART_SECONDS = 2.0
"""How long a service may be away before who wants to run something hears of it: its processes may be restarting."""
ACCEPT_SECONDS = 10.0
"""How long to go on asking when nothing is known of the run at all."""
FIRST_SECONDS = 5.0
AGAIN_SECONDS = 10.0
"""How long a command may take that is asked twice: the largest graph takes seconds to check and to record."""
NO_ANSWER = "no_answer"
NO_RESPONDER = "no_responder"
BUSY = "busy"
LOST = frozenset({NO_ANSWER, NO_RESPONDER, BUSY, "bus_unavailable", "database_unavailable"})
"""What the ways there and back say: nobody knows what became of the question, so it is no refusal of the run."""
LOOK_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 1.0
"""A query without an answer is asked again so soon, while the first may still be answered: asking changes nothing."""
SHOWN = ("status", "output", "metrics", "error")

T = TypeVar("T")


async def ask_again(bus: Bus, command: Command) -> bytes:
    """The answer to a command that changes nothing when it is heard twice; asked again when nobody answers."""
    try:
        return await bus.ask(command, FIRST_SECONDS)
    except Unavailable as unavailable:
        if unavailable.code != NO_ANSWER:
            raise
        return await bus.ask(command, AGAIN_SECONDS)


async def look(bus: Bus, query: Query) -> bytes:
    """The answer to a query, also when the process that heard it died: asked again, the first answer counts."""
    first = asyncio.create_task(bus.ask(query, LOOK_SECONDS))
    questions = {first}
    try:
        while True:
            done, _ = await asyncio.wait(questions, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for question in done:
                questions.remove(question)
                if question is first or not _unheard(question):
                    return question.result()
            if done:
                await asyncio.sleep(RETRY_SECONDS)
            questions.add(asyncio.create_task(bus.ask(query, LOOK_SECONDS)))
    finally:
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)


async def once_there(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` answers, tried again for up to 2 s while the service that it asks is not there."""
    until = clock.monotonic() + RESTART_SECONDS
    while True:
        try:
            return await ask()
        except Unavailable as away:
            if away.code != NO_RESPONDER or clock.monotonic() + RETRY_SECONDS > until:
                raise
        await asyncio.sleep(RETRY_SECONDS)


def _unheard(question: asyncio.Task[bytes]) -> bool:
    error = question.exception()
    return isinstance(error, Refusal) and error.code in LOST


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a run: `body` is its `ExecutionView` as JSON."""

    instance_id: UUID
    status: str
    body: bytes

    @classmethod
    def read(cls, body: bytes) -> Self:
        """From a reply to `ExecuteBlueprint`."""
        view = orjson.loads(body)
        return cls(UUID(view["instance_id"]), view["status"], body)

    @classmethod
    def of_instance(cls, body: bytes) -> Self:
        """From a reply to `GetInstance`, in the shape of an execution."""
        view = orjson.loads(body)
        shown: dict[str, Any] = {"instance_id": view["id"], **{name: view[name] for name in SHOWN}}
        return cls(UUID(view["id"]), view["status"], orjson.dumps(shown))

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.status in ENDED


class Asking:
    """One `ExecuteBlueprint`, asked as often as it takes; the instance id makes every repetition the same run.

    No question is withdrawn while another one is out: the first, whose worker may be busy with the run itself,
    still counts when it is answered late.
    """

    def __init__(self, bus: Bus, command: ExecuteBlueprint, draining: asyncio.Event) -> None:
        """`command.wait_seconds` is how long the caller waits for the end; 0 means until it is accepted.

        Once `draining` is set, its acceptance is enough.
        """
        self._bus = bus
        self._command = command
        self._draining = draining
        began = clock.monotonic()
        self._patient_until = began + command.wait_seconds
        self._give_up_at = began + max(command.wait_seconds, ACCEPT_SECONDS)
        self._questions: set[asyncio.Task[Answer]] = set()
        self._subscriptions: dict[UUID, list[Subscription]] = {}
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._known: Answer | None = None

    async def answer(self) -> Answer:
        """The run when it has ended, else as it was when the caller's patience ended; raises the door's refusal."""
        try:
            await once_there(self._ask_first)
            return self._certain() or await self._ask_until_certain()
        finally:
            await self._close()

    async def _ask_first(self) -> None:
        """Ask and wait a while; nothing is lost yet, so whatever goes wrong is the answer."""
        self._ask(self._execute(self._command))
        await asyncio.wait(self._questions, timeout=SLICE_SECONDS)
        self._hear(lost=frozenset())

    async def _ask_until_certain(self) -> Answer:
        ask_at, pause = clock.monotonic(), SLICE_SECONDS
        while not (certain := self._certain()):
            if self._command.wait_seconds:
                await self._listen()
            if self._told.done() or clock.monotonic() >= ask_at:
                self._ask_once_more()
                ask_at, pause = clock.monotonic() + pause, pause * 2
            await self._wait(ask_at)
            if not self._hear(LOST):
                ask_at = clock.monotonic() + RETRY_SECONDS
            if self._known is None and clock.monotonic() >= self._give_up_at:
                raise self._uncertain()
        return certain

    def _certain(self) -> Answer | None:
        """The answer, when it has ended or the caller waits no longer."""
        patient = clock.monotonic() < self._patient_until and not self._draining.is_set()
        return None if self._known is None or (patient and not self._known.ended) else self._known

    def _ask(self, question: Coroutine[Any, Any, Answer]) -> None:
        self._questions.add(asyncio.create_task(question))

    def _ask_once_more(self) -> None:
        """The command until somebody has heard it, not waiting for the end; afterwards how the run is."""
        if self._told.done():
            self._told = asyncio.get_running_loop().create_future()
        if self._known:
            self._ask(self._look(self._known.instance_id))
        else:
            self._ask(self._execute(self._command.model_copy(update={"wait_seconds": 0.0})))

    async def _execute(self, command: ExecuteBlueprint) -> Answer:
        longest = max(self._give_up_at - clock.monotonic(), 0.0) + SLICE_SECONDS
        return Answer.read(await self._bus.ask(command, longest))

    async def _look(self, instance_id: UUID) -> Answer:
        query = GetInstance(caller=self._command.caller.once_let_in(), instance_id=instance_id)
        return Answer.of_instance(await self._bus.ask(query, SLICE_SECONDS))

    async def _wait(self, until: float) -> None:
        """Until a question is answered, the end is announced, or it is time to ask or to answer."""
        now = clock.monotonic()
        if self._known:
            until = min(until, self._patient_until)
        waited_for: set[asyncio.Future[Any]] = {self._told, *self._questions}
        await asyncio.wait(waited_for, timeout=max(until - now, 0.0), return_when=asyncio.FIRST_COMPLETED)

    def _hear(self, lost: frozenset[str]) -> bool:
        """Take in what was answered; False when a question was lost. Raises a refusal of a run that nobody accepted.

        Whoever is too busy for a repeated question may still answer the one before.
        """
        complete = True
        for question in [question for question in self._questions if question.done()]:
            self._questions.remove(question)
            try:
                answer = question.result()
            except Refusal as refusal:
                if self._known is None and refusal.code not in lost:
                    raise
                complete = complete and refusal.code == BUSY and bool(self._questions)
            else:
                self._known = answer
        return complete

    async def _listen(self) -> None:
        """Be told when the run ends, also when it turns out to be an earlier one with the same idempotency key."""
        instance_id = self._known.instance_id if self._known else self._command.instance_id
        if instance_id in self._subscriptions:
            return
        subjects = [self._bus.subject("execution", ending.topic(), str(instance_id)) for ending in ENDINGS]
        self._subscriptions[instance_id] = [
            await self._bus.nc.subscribe(subject, cb=self._tell) for subject in subjects
        ]

    async def _tell(self, _ending: Msg) -> None:
        if not self._told.done():
            self._told.set_result(None)

    def _uncertain(self) -> Unavailable:
        return Unavailable(
            NO_ANSWER,
            f"Nobody said whether the run was accepted; GET /api/v2/instances/{self._command.instance_id} will tell. "
            "With an Idempotency-Key the request can be repeated safely.",
            retry_after_seconds=SLICE_SECONDS,
        )

    async def _close(self) -> None:
        for question in self._questions:
            question.cancel()
        await asyncio.gather(*self._questions, return_exceptions=True)
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                await subscription.unsubscribe()
