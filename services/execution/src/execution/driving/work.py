"""Work messages: an instance to start, or to wake; what they look like and where they wait."""

from uuid import UUID

import orjson
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from chassis.bus import Bus
from chassis.ledger import Recorded
from chassis.logs import get_logger
from chassis.pulling import PullFrom, PullLoop
from contracts.instance_events import OUTSIDE, InstanceRequested, SignalReceived
from execution.driving.worker import Worker

START, WAKE = "start", "wake"
REACHED = frozenset(event_type.topic() for event_type in OUTSIDE)
ACK_WAIT_SECONDS = 10.0
MAX_ACK_PENDING = 10_000
SHOWN_BYTES = 200
"""Of a message that cannot be read, in the log."""

log = get_logger(__name__)


def work_for(recorded: Recorded) -> tuple[str, bytes, dict[str, str]] | None:
    """The work message that the relay publishes with a fact: to start an instance, or to look at one.

    An accepted instance which no worker began at once is to be started; one that something from outside has reached
    is to be looked at, unless it is a signal that nobody waits for yet.
    """
    if recorded.topic == InstanceRequested.topic():
        if orjson.loads(recorded.state).get("worker_id"):
            return None
        return START, str(recorded.stream_id).encode(), {}
    if recorded.topic == SignalReceived.topic() and orjson.loads(recorded.state).get("early"):
        return None
    if recorded.topic in REACHED:
        return WAKE, f"{recorded.stream_id} {recorded.version}".encode(), {}
    return None


def instance_in(payload: bytes) -> tuple[UUID, int]:
    """The instance that a work message names, and the version of the fact that it is about (0: of none)."""
    instance_id, _, version = payload.decode().partition(" ")
    return UUID(instance_id), int(version or 0)


def consumer_name(kind: str) -> str:
    """The durable consumer of one kind of work, shared by all workers."""
    return f"execution_{kind}"


async def ensure_consumers(bus: Bus) -> None:
    """The work stream and its two consumers, so that a wake-up never queues behind ten thousand starts."""
    info = await bus.ensure_work_stream()
    for kind in (START, WAKE):
        config = ConsumerConfig(
            durable_name=consumer_name(kind),
            filter_subject=bus.subject("work", kind, "*"),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_ack_pending=MAX_ACK_PENDING,
            max_deliver=-1,
        )
        await bus.ensure_consumer(str(info.config.name), config)


def pull(bus: Bus, kind: str, worker: Worker) -> PullLoop:
    """Bring work of one kind to the worker, never more than it has room for.

    A message is acknowledged once the instance is claimed in the ledger (or found to need nobody): from then on the
    lease, not the message, is what makes sure that somebody goes on. What names no instance is dropped at once.
    """

    async def take(msg: Msg) -> None:
        try:
            instance_id, version = instance_in(msg.data)
        except ValueError:
            log.warning("work.unreadable", subject=msg.subject, payload=msg.data[:SHOWN_BYTES].decode(errors="replace"))
            await msg.term()
            return
        await worker.attend(instance_id, version)
        await msg.ack()

    async def handle(msg: Msg) -> None:
        worker.spawn(take(msg))

    async def recreate() -> None:
        await ensure_consumers(bus)

    return PullLoop(
        bus,
        PullFrom(
            stream=bus.stream("work"),
            consumer=consumer_name(kind),
            handle=handle,
            free_slots=lambda: worker.free_slots,
            recreate=recreate,
        ),
    )
