"""Processes stand still and go on, as on a machine that pages or migrates."""

import asyncio
import signal
from collections.abc import Awaitable
from contextlib import suppress
from random import Random

from tests.chaos.world import CannotInject, World

SECONDS = (0.5, 4.0)
FOLLOWED_SECONDS = 16.0
"""Postgres ends the session of a silent leader after ten."""
TAKEN_OVER_SECONDS = 16.0
"""A lease lasts ten; then somebody takes over what was in flight, if anything was."""
POLL_SECONDS = 0.1
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
TAKEN_OVER = """
SELECT EXISTS (
    SELECT FROM events AS claim JOIN events AS before
        ON before.originator_id = claim.originator_id AND before.originator_version = claim.originator_version - 1
    WHERE claim.notification_id > $1 AND claim.topic = 'InstanceClaimed' AND before.topic = 'NodeStarted'
)
"""


async def _freeze(world: World, name: str, meanwhile: Awaitable[None]) -> None:
    process = world.stack.process(name)
    if process is not None:
        process.send_signal(signal.SIGSTOP)
    try:
        await meanwhile
    finally:
        if process is not None and process.is_running():
            process.send_signal(signal.SIGCONT)


async def _taken_over(world: World) -> None:
    """Return when somebody has claimed a run in which an effect is in flight."""
    try:
        async with asyncio.timeout(TAKEN_OVER_SECONDS), world.database("execution") as connection:
            head = await connection.fetchval(HEAD)
            while not await connection.fetchval(TAKEN_OVER, head):
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise CannotInject("nothing was in flight that somebody could have taken over") from error


async def a_service(world: World, chance: Random) -> None:
    """SIGSTOP and SIGCONT of any process."""
    await _freeze(world, world.any_service(chance), asyncio.sleep(chance.uniform(*SECONDS)))


async def a_worker_past_its_lease(world: World, chance: Random) -> None:
    """It wakes just when another one has taken over what it was doing: both believe that they own it."""
    leader = await world.leader("execution")
    # Whoever publishes mostly looks after the dead as well: while it stands still that takes longer.
    others = [name for name in world.stack.workers if name != leader]
    await _freeze(world, chance.choice(others), _taken_over(world))


async def a_leader(world: World, chance: Random) -> None:
    """Whoever publishes, and mostly projects and looks after the dead, stands still until another one does it."""
    leader = await world.leader("execution")
    if leader is None:
        raise CannotInject("no process led the relay at that moment")
    await _freeze(world, leader, _followed(world, leader))


async def _followed(world: World, leader: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(FOLLOWED_SECONDS):
            while await world.leader("execution") in (None, leader):
                await asyncio.sleep(POLL_SECONDS)


async def a_server(world: World, chance: Random) -> None:
    """NATS stands still for a moment."""
    node = chance.choice(world.stack.servers.nodes)
    await _freeze(world, node.name, asyncio.sleep(chance.uniform(*SECONDS)))
