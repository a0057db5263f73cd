"""Waiting for an instance to end, whoever drives it."""

import asyncio
from uuid import UUID

from nats.aio.msg import Msg

from chassis.bus import Bus
from chassis.clock import monotonic
from contracts.instance_events import ENDINGS
from execution.domain.instance import Instance
from execution.driving.records import Records
from execution.driving.worker import Worker

LOOK_AGAIN_SECONDS = 2.0
"""A message may be lost: so often the ledger itself is asked."""


class Endings:
    """Waits on the run itself where it is driven here, else on the bus and the ledger."""

    def __init__(self, worker: Worker, records: Records, bus: Bus) -> None:
        """The bus carries the terminal events of instances driven elsewhere."""
        self.worker = worker
        self.records = records
        self.bus = bus

    async def wait(self, instance_id: UUID, seconds: float) -> Instance:
        """The instance as it is when it has ended, at the latest after `seconds`."""
        deadline = monotonic() + seconds
        run = await self.worker.driven(instance_id)
        if run is not None:
            try:
                async with asyncio.timeout(seconds):
                    await run.left.wait()
            except TimeoutError:
                # Whoever drives it may not know yet that another one has taken it over.
                return await self.records.load(instance_id)
            if run.instance.ended:
                return run.instance
        return await self.wait_elsewhere(instance_id, deadline)

    async def wait_elsewhere(self, instance_id: UUID, deadline: float) -> Instance:
        """Listen for the terminal event; look into the ledger first, between, and last."""
        heard = asyncio.Event()

        async def hear(_: Msg) -> None:
            heard.set()

        subjects = [self.bus.subject("execution", event.topic(), str(instance_id)) for event in ENDINGS]
        subscriptions = [await self.bus.nc.subscribe(subject, cb=hear) for subject in subjects]
        try:
            while True:
                instance = await self.records.load(instance_id)
                remaining = deadline - monotonic()
                if instance.ended or remaining <= 0:
                    return instance
                heard.clear()
                try:
                    async with asyncio.timeout(min(remaining, LOOK_AGAIN_SECONDS)):
                        await heard.wait()
                except TimeoutError:
                    continue
        finally:
            for subscription in subscriptions:
                await subscription.unsubscribe()
