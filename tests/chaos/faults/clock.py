"""The wall clock jumps, forwards and backwards, and comes back."""

import asyncio
from random import Random

from tests.chaos.stack import OFFSET
from tests.chaos.world import World

JUMP_SECONDS = (-20.0, 20.0)
SECONDS = (0.3, 1.5)


async def jumps(world: World, chance: Random) -> None:
    """Some jumps in a row, for all processes at once."""
    offset = world.stack.folder / OFFSET
    try:
        for _ in range(chance.randint(2, 4)):
            offset.write_text(f"{chance.uniform(*JUMP_SECONDS):.3f}")
            await asyncio.sleep(chance.uniform(*SECONDS))
    finally:
        offset.write_text("0")
