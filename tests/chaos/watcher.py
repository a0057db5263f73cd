"""A consumer that watches every event stream from its beginning and keeps what it heard, across every loss."""

import asyncio
from collections import defaultdict
from contextlib import suppress

import nats
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from chassis.envelope import POSITION, PREVIOUS
from chassis.provision import incarnation, stream_name
from tests.chaos.evidence import Heard
from tests.chaos.faults.messages import is_injected
from tests.chaos.servers import NAMESPACE
from tests.chaos.world import World

BATCH = 500
FETCH_SECONDS = 0.5
AGAIN_SECONDS = 0.2
FORGET_SECONDS = 5.0
"""After so long without it, the server drops its consumer."""


class Watcher:
    """Follows the streams of some services."""

    def __init__(self, world: World, services: list[str]) -> None:
        """Nothing is read before `run`."""
        self.world = world
        self.services = services
        self.heard: dict[str, list[Heard]] = defaultdict(list)
        self.consumers: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled."""
        await asyncio.gather(*(self._follow(service) for service in self.services))

    async def _follow(self, service: str) -> None:
        while True:
            with suppress(Error, OSError, TimeoutError, nats.errors.Error, nats.js.errors.Error):
                async with self.world.bus() as (_, stream):
                    await self._read(service, stream)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, service: str, stream: JetStreamContext) -> None:
        name = stream_name(NAMESPACE, service)
        while True:
            born = incarnation(await stream.stream_info(name))
            known = [heard.sequence for heard in self.heard[service][-1:] if heard.incarnation == born]
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=(known[0] if known else 0) + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=FORGET_SECONDS,
                num_replicas=1,
            )
            await self._pull(service, stream, name, born, config)

    async def _pull(self, service: str, stream: JetStreamContext, name: str, born: str, config: ConsumerConfig) -> None:
        """One consumer, for as long as the stream is the one that it was made on."""
        subscription = await stream.pull_subscribe("", stream=name, config=config)
        try:
            while True:
                try:
                    messages = await subscription.fetch(BATCH, timeout=FETCH_SECONDS)
                except (nats.errors.TimeoutError, TimeoutError):
                    if incarnation(await stream.stream_info(name)) != born:
                        return
                    await subscription.consumer_info()
                    continue
                self.heard[service] += [_heard(msg, born) for msg in messages]
        except NotFoundError:
            return
        finally:
            with suppress(Exception):
                await subscription.unsubscribe()


def _heard(msg: Msg, born: str) -> Heard:
    headers = msg.headers or {}
    return Heard(
        incarnation=born,
        sequence=msg.metadata.sequence.stream,
        position=int(headers.get(POSITION, 0)),
        previous=int(headers.get(PREVIOUS, 0)),
        event_id=headers.get("ce-id", ""),
        injected=is_injected(msg),
    )
