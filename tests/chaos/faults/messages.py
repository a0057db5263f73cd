"""Messages come twice, late, out of order, or are no messages at all."""

from random import Random

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from chassis.envelope import MESSAGE_ID
from headrace.services import LEDGERS
from tests.chaos.evidence import MARK
from tests.chaos.servers import NAMESPACE
from tests.chaos.world import INJECTED, CannotInject, World

AT_ONCE = 30
GARBAGE = (
    b"", b"{", b"\x00\xff" * 40, b'{"timestamp":"never"}', b"[]", b"null", b'{"class_version":99}',
)  # fmt: skip
ENVELOPE = ("Nats-Expected-Last-Sequence", "Nats-Expected-Last-Msg-Id", "Nats-Expected-Stream")


async def repeated_and_reordered(world: World, chance: Random) -> None:
    """Old messages of every stream are published again in any order, under their own ids and under new ones."""
    async with world.bus() as (client, stream):
        copies = 0
        for info in await stream.streams_info():
            name, state = str(info.config.name), info.state
            if not state.messages:
                continue
            wanted = [chance.randint(max(1, state.first_seq), max(1, state.last_seq)) for _ in range(AT_ONCE)]
            for sequence in wanted:
                copies += await _again(client, stream, name, sequence, chance)
        await client.flush()
    if not copies:
        raise CannotInject("there was no message to repeat")


async def _again(client: Client, stream: JetStreamContext, name: str, sequence: int, chance: Random) -> int:
    try:
        found = await stream.get_msg(name, sequence)
    except (NotFoundError, Error):
        return 0
    headers = {key: value for key, value in (found.headers or {}).items() if key not in ENVELOPE} | {INJECTED: "copy"}
    if chance.random() < 0.5:
        headers[MESSAGE_ID] = f"chaos {chance.random()}"
    await client.publish(str(found.subject), found.data or b"", headers=headers)
    return 1


async def poisoned(world: World, chance: Random) -> None:
    """Garbage on every event stream, on the work stream, and on the subjects where services are asked."""
    async with world.bus() as (client, _):
        for subject in _subjects(chance):
            payload = chance.choice(GARBAGE) + MARK
            await client.publish(subject, payload, headers={INJECTED: "garbage"})
        await client.flush()


def _subjects(chance: Random) -> list[str]:
    somebody = f"{chance.getrandbits(128):032x}"
    events = [f"{NAMESPACE}.{service}.InstanceCompleted.{somebody}" for service in LEDGERS]
    work = [f"{NAMESPACE}.work.{kind}.{somebody}" for kind in ("start", "wake")]
    words = ("replay.execution", "ops.execution.rebuild", "hurry.metrics_executions")
    asked = [f"{NAMESPACE}.{word}" for word in words]
    return [*events, *work, *asked]


def is_injected(msg: Msg) -> bool:
    """Whether the nemesis published it."""
    return INJECTED in (msg.headers or {})
