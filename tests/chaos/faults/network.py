"""Connections break, are slow, or swallow everything."""

import asyncio
from random import Random

from tests.chaos.proxy import Proxy
from tests.chaos.world import World

SECONDS = (0.5, 5.0)
DELAY_SECONDS = (0.01, 0.2)


def _some(world: World, chance: Random) -> list[Proxy]:
    servers = world.stack.servers
    return chance.choice([servers.nats_proxies, list(servers.doors.values()), [servers.doors["execution"]]])


async def cut(world: World, chance: Random) -> None:
    """Every connection to a server breaks, some times in a row."""
    proxies = _some(world, chance)
    for _ in range(chance.randint(1, 3)):
        for proxy in proxies:
            proxy.cut()
        await asyncio.sleep(chance.uniform(0.1, 1.0))


async def delayed(world: World, chance: Random) -> None:
    """Every piece takes its time."""
    proxies = _some(world, chance)
    for proxy in proxies:
        proxy.delay_seconds = chance.uniform(*DELAY_SECONDS)
    try:
        await asyncio.sleep(chance.uniform(*SECONDS))
    finally:
        for proxy in proxies:
            proxy.release()


async def swallowed(world: World, chance: Random) -> None:
    """Nothing arrives, and nobody hears that it does not; then all of it at once, or the connections break."""
    proxies = _some(world, chance)
    for proxy in proxies:
        proxy.hold()
    try:
        await asyncio.sleep(chance.uniform(*SECONDS))
        if chance.random() < 0.5:
            for proxy in proxies:
                proxy.cut()
    finally:
        for proxy in proxies:
            proxy.release()
