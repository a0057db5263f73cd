"""Pieces of a model's answer on their way to whoever listens: core NATS, in order, never recorded."""

import asyncio
from collections import deque

from nats.errors import Error

from chassis.bus import Bus
from chassis.logs import get_logger
from contracts.execution import Token
from execution.domain.instance import Instance
from execution.domain.visits import Visit

WAITING_MAX = 100_000
"""Pieces that may wait for the bus; older ones are dropped first, the completed fact carries the whole text."""

log = get_logger(__name__)


class TokenStream:
    """Takes pieces without waiting and publishes them in the order they came."""

    def __init__(self, bus: Bus) -> None:
        """Nothing is published before `run`."""
        self.bus = bus
        self.waiting: deque[tuple[str, bytes]] = deque(maxlen=WAITING_MAX)
        self.more = asyncio.Event()

    def send(self, instance: Instance, visit: Visit, text: str) -> None:
        """Hand over a piece."""
        token = Token(node_id=visit[0], visit=visit[1], text=text)
        self.waiting.append((Token.subject(instance.id, self.bus.namespace), token.model_dump_json().encode()))
        self.more.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self.more.wait()
            self.more.clear()
            try:
                while self.waiting:
                    await self.bus.nc.publish(*self.waiting.popleft())
            except Error as error:
                log.debug("tokens.dropped", error=repr(error))
