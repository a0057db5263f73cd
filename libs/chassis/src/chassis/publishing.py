"""Publishing to JetStream with many messages in flight: every future resolves, whatever happens to the message."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.protocol.command import hpub_cmd

from chassis.bus import Bus

EXPECTED_LAST_SEQUENCE = "Nats-Expected-Last-Sequence"
EXPECTED_LAST_ID = "Nats-Expected-Last-Msg-Id"

WINDOW = 256
"""Messages in flight at most; more bring no speed and make a failure longer."""
ACK_SECONDS = 5.0

WRONG_LAST_SEQUENCE = 10071
WRONG_LAST_ID = 10070
"""Both mean that the stream has another last message than the publisher believed."""


class NotPublished(Exception):
    """The message was refused or its fate is unknown; `code` is the server's error code, 0 when there was none."""

    def __init__(self, reason: str, code: int = 0) -> None:
        """`reason` is the server's sentence, or ours."""
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Stored:
    """The server has it: its sequence in the stream, and whether it was there before (same `Nats-Msg-Id`)."""

    sequence: int
    duplicate: bool


class Outgoing(NamedTuple):
    """A message for a stream; with `after` it is stored only if that is the stream's last sequence."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    after: int | None = None


class Publisher:
    """A window of messages in flight on one inbox; nats-py's own leaves a refused publish unresolved for ever."""

    def __init__(self, bus: Bus, window: int = WINDOW, ack_seconds: float = ACK_SECONDS) -> None:
        """`window` messages may wait for their acknowledgement, each at most `ack_seconds`."""
        self._bus = bus
        self._window = window
        self._ack_seconds = ack_seconds
        self._slots = asyncio.Semaphore(window)
        self._inbox = bus.nc.new_inbox()
        self._waiting: dict[str, tuple[asyncio.Future[Stored], asyncio.TimerHandle]] = {}
        self._count = 0
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        """Listen for acknowledgements."""
        self._subscription = await self._bus.nc.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
        self._bus.on_disconnect(self._lost)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening; what is in flight is of unknown fate."""
        self._bus.forget(self._lost)
        self._resolve_all(NotPublished("the publisher was closed"))
        if self._subscription is not None and not self._bus.nc.is_closed:
            await self._subscription.unsubscribe()

    async def send(self, message: Outgoing) -> asyncio.Future[Stored]:
        """Send as soon as the window allows. The future brings `Stored` or raises `NotPublished`."""
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()
        self._count += 1
        key = str(self._count)
        self._waiting[key] = (future, loop.call_later(self._ack_seconds, self._expired, key))
        try:
            self._check_connected()
            await self._bus.nc.publish(message.subject, message.payload, f"{self._inbox}.{key}", _headers(message))
        except Exception as error:  # noqa: BLE001 - the future brings it
            self._resolve(key, error if isinstance(error, NotPublished) else NotPublished(str(error) or repr(error)))
        return future

    async def send_chain(self, messages: Sequence[Outgoing]) -> Stored | NotPublished:
        """Send messages each of which is `after` the one before, and wait for the last one alone.

        Stored, it says that all are; refused, it does not say how many are. Costs one acknowledgement for all of them.
        Headers must be clean: no line ends in them.
        """
        try:
            self._check_connected()
            if any(len(message.payload) > self._bus.nc.max_payload for message in messages):
                raise NotPublished(f"a message is larger than the {self._bus.nc.max_payload} bytes NATS takes")
            await self._bus.nc._send_command(b"".join(map(_command, messages[:-1])))  # noqa: SLF001 - see `_command`
        except Exception as error:  # noqa: BLE001 - whatever it is, the chain is broken here
            return error if isinstance(error, NotPublished) else NotPublished(str(error) or repr(error))
        [outcome] = await self.send_all(messages[-1:])
        return outcome

    async def send_all(self, messages: Sequence[Outgoing]) -> list[Stored | NotPublished]:
        """Send in order, wait for all, answer what became of each."""
        futures = [await self.send(message) for message in messages]
        results = await asyncio.gather(*futures, return_exceptions=True)
        return [_outcome(result) for result in results]

    def _check_connected(self) -> None:
        if not self._bus.connected:
            raise NotPublished("the NATS server is away")

    async def _acknowledged(self, msg: Msg) -> None:
        key = msg.subject[len(self._inbox) + 1 :]
        if key not in self._waiting:
            return
        if msg.headers and msg.headers.get("Status"):
            self._resolve(key, NotPublished("no stream listens on this subject", int(msg.headers["Status"])))
            return
        answer = orjson.loads(msg.data)
        if error := answer.get("error"):
            self._resolve(key, NotPublished(error.get("description", "refused"), error.get("err_code", 0)))
        else:
            self._resolve(key, Stored(answer["seq"], bool(answer.get("duplicate"))))

    def _expired(self, key: str) -> None:
        self._resolve(key, NotPublished(f"no acknowledgement within {self._ack_seconds:g} s"))

    def _lost(self) -> None:
        self._resolve_all(NotPublished("the connection was lost before the acknowledgement"))

    def _resolve_all(self, outcome: NotPublished) -> None:
        for key in tuple(self._waiting):
            self._resolve(key, outcome)

    def _resolve(self, key: str, outcome: Stored | NotPublished) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return
        future, timer = waiting
        timer.cancel()
        self._slots.release()
        if future.done():
            return
        if isinstance(outcome, NotPublished):
            future.set_exception(outcome)
            # Asked for here, so that a caller who no longer waits causes no warning about an exception never read.
            future.exception()
        else:
            future.set_result(outcome)


def _headers(message: Outgoing) -> dict[str, str]:
    if message.after is None:
        return dict(message.headers)
    return {**message.headers, EXPECTED_LAST_SEQUENCE: str(message.after)}


def _command(message: Outgoing) -> bytes:
    """The message as it goes over the wire, without a reply subject.

    nats-py's own `publish` checks and encodes every header anew: eight of the nine microseconds that a message takes.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in message.headers.items()])
    after = "" if message.after is None else f"{EXPECTED_LAST_SEQUENCE}: {message.after}\r\n"
    return bytes(hpub_cmd(message.subject, "", f"NATS/1.0\r\n{lines}{after}\r\n".encode(), message.payload))


def _outcome(result: Any) -> Stored | NotPublished:
    if isinstance(result, Stored | NotPublished):
        return result
    return NotPublished(repr(result))
