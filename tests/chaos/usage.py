"""What the house uses right now: memory, tasks, connections, consumers."""

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from execution.driving.leases import ALIVE, LEASE_SECONDS, lock_class_of
from headrace.services import EXECUTION
from tests.chaos.evidence import Resources
from tests.chaos.launch import TASKS
from tests.chaos.world import World

TRIES = 20
AGAIN_SECONDS = 0.5
ANSWER_SECONDS = 5.0


async def used(world: World) -> Resources:
    """As seen from outside."""
    stack = world.stack
    names = {one.pid: name for name, one in stack.services.items()}
    rss = {name: process.memory_info().rss for name in names.values() if (process := stack.process(name))}
    doors = {f"Postgres by {service}": door.connections for service, door in stack.servers.doors.items()}
    doors["NATS"] = sum(proxy.connections for proxy in stack.servers.nats_proxies)
    consumers = set()
    async with world.bus() as (_, stream):
        for info in await stream.streams_info():
            name = str(info.config.name)
            consumers |= {f"{name}/{one.name}" for one in await stream.consumers_info(name) if one.config.durable_name}
    return Resources(rss, await _tasks(world, names), doors, frozenset(consumers), await _leases(world))


async def _leases(world: World) -> int:
    lock_class = lock_class_of(EXECUTION)
    async with world.database(EXECUTION) as connection:
        return len(await connection.fetch(ALIVE, lock_class, LEASE_SECONDS))


async def _tasks(world: World, names: dict[int | None, str]) -> dict[str, int]:
    """Asked until every process has answered: the scrape leaves out who is slow."""
    found: dict[str, int] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as http:
        for _ in range(TRIES):
            page = (await http.get(f"{world.stack.url}/metrics")).text
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    if sample.name == TASKS and (name := names.get(int(sample.labels.get("pid", 0)))):
                        found[name] = int(sample.value)
            if len(found) == len(names):
                break
            await asyncio.sleep(AGAIN_SECONDS)
    return found
