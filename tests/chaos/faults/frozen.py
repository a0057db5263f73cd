"""Processes stand still and go on, as on a machine that pages or migrates."""

import asyncio
import signal
from random import Random

from tests.chaos.world import World

SECONDS = (0.5, 4.0)
PAST_THE_LEASE_SECONDS = 12.0


async def _freeze(world: World, name: str, seconds: float) -> None:
    process = world.stack.process(name)
    if process is None:
        return
    process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        if process.is_running():
            process.send_signal(signal.SIGCONT)


async def a_service(world: World, chance: Random) -> None:
    """SIGSTOP and SIGCONT of any process."""
    await _freeze(world, world.any_service(chance), chance.uniform(*SECONDS))


async def a_worker_past_its_lease(world: World, chance: Random) -> None:
    """Another one has taken its instances over when it wakes: both believe that they own them."""
    await _freeze(world, chance.choice(world.stack.workers), PAST_THE_LEASE_SECONDS)


async def a_server(world: World, chance: Random) -> None:
    """NATS stands still for a moment."""
    node = chance.choice(world.stack.servers.nodes)
    await _freeze(world, node.name, chance.uniform(*SECONDS))
