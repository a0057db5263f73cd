"""Postgres restarts, in order or not."""

import signal
from random import Random

from tests.chaos.world import World


async def restarted(world: World, chance: Random) -> None:
    """A fast shutdown: sessions are ended, the files are clean."""
    await world.kill("postgres", signal.SIGINT)


async def crashed(world: World, chance: Random) -> None:
    """`-m immediate`: no checkpoint, the log is played again."""
    await world.kill("postgres", signal.SIGQUIT)
