"""Telling the worker that drives an instance that somebody recorded an outside fact."""

from uuid import UUID

from nats.aio.msg import Msg

from chassis.bus import Bus
from execution.driving.worker import Worker


async def send(bus: Bus, worker_id: UUID, instance_id: UUID) -> None:
    """Over core NATS: a nudge may be lost, the fact is in the ledger."""
    await bus.nc.publish(bus.subject("nudge", str(worker_id)), str(instance_id).encode())


async def listen(bus: Bus, worker: Worker) -> None:
    """Let this worker's runs look into the ledger when they are nudged."""

    async def hear(msg: Msg) -> None:
        run = worker.runs.get(UUID(msg.data.decode()))
        if run is not None:
            run.poke()

    await bus.nc.subscribe(bus.subject("nudge", str(worker.id)), cb=hear)
