"""Processes die without a word: any of them, the relay in the middle of a message, a worker behind an effect."""

import asyncio
import signal
from random import Random

from tests.chaos import outside
from tests.chaos.world import POLL_SECONDS, CannotInject, World

PUBLISHING = b"HPUB headrace.execution."
TEAR_SECONDS = 15.0
STRIKE_SECONDS = 20.0
WAITING_SECONDS = 15.0
HANDED_OUT_SECONDS = 0.5
"""How long the bus and the workers have had the work message then."""
WAITING = """
SELECT EXISTS (
    SELECT FROM events AS asked WHERE topic = 'InstanceRequested' AND NOT EXISTS (
        SELECT FROM events WHERE originator_id = asked.originator_id AND originator_version = 2
    )
)
"""


async def a_service(world: World, chance: Random) -> None:
    """Kill -9 of any process, the gateway and its like included."""
    await world.kill(world.any_service(chance))


async def the_relay_in_the_middle_of_a_message(world: World, chance: Random) -> None:
    """Half of a batch has left the process when it dies."""
    leader = await world.leader("execution")
    if leader is None:
        raise CannotInject("no process led the relay at that moment")
    torn = asyncio.Event()

    def fell() -> None:
        world.send(leader, signal.SIGKILL)
        torn.set()

    for proxy in world.stack.servers.nats_proxies:
        proxy.tear_at(PUBLISHING, fell)
    try:
        async with asyncio.timeout(TEAR_SECONDS):
            await torn.wait()
    except TimeoutError as error:
        raise CannotInject("nothing was published at that moment") from error
    finally:
        for proxy in world.stack.servers.nats_proxies:
            proxy.release()


async def a_worker_between_effect_and_append(world: World, chance: Random) -> None:
    """The effect has happened outside, and nothing of it is recorded yet."""
    strike = world.stack.folder / outside.STRIKE
    strike.touch()
    try:
        async with asyncio.timeout(STRIKE_SECONDS):
            while strike.exists():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        strike.unlink(missing_ok=True)
        raise CannotInject("no effect happened at that moment") from error


async def all_workers_with_work_waiting(world: World, chance: Random) -> None:
    """Runs are accepted and handed out, and nobody has begun them, when every worker dies."""
    try:
        async with asyncio.timeout(WAITING_SECONDS), world.database("execution") as connection:
            while not await connection.fetchval(WAITING):
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise CannotInject("every run was begun at once") from error
    await asyncio.sleep(HANDED_OUT_SECONDS)
    await asyncio.gather(*(world.kill(name) for name in world.stack.workers))
