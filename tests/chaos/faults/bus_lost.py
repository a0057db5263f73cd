"""NATS dies, or forgets everything while it runs."""

import shutil
import signal
from random import Random

from tests.chaos.world import World


async def restarted(world: World, chance: Random) -> None:
    """The server is killed and started again."""
    await world.kill(chance.choice(world.stack.servers.nodes).name)


async def wiped(world: World, chance: Random) -> None:
    """Its store is gone while it stands still, and it dies: what comes back knows nothing."""
    for node in world.stack.servers.nodes:
        world.send(node.name, signal.SIGSTOP)
        shutil.rmtree(node.store, ignore_errors=True)
    for node in world.stack.servers.nodes:
        await world.kill(node.name)


async def streams_deleted(world: World, chance: Random) -> None:
    """Somebody deletes every stream of the running server."""
    async with world.bus() as (_, stream):
        for info in await stream.streams_info():
            await stream.delete_stream(str(info.config.name))
