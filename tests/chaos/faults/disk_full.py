"""There is no room left, on either store, for a while."""

import asyncio
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import psutil

from tests.chaos.servers import SMALL_STORE_BYTES
from tests.chaos.world import CannotInject, World

SECONDS = (2.0, 6.0)
SEGMENT_BYTES = 16 * 1024 * 1024
"""Of Postgres' log."""
ROOM_BYTES = 512 * 1024
"""What it may still write."""
BLOCK_BYTES = 512
"""What `ulimit -f` counts in."""
WRITTEN = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"


async def of_nats(world: World, chance: Random) -> None:
    """JetStream comes back with so little room that it must refuse messages."""
    servers = world.stack.servers
    servers.configure_nats(SMALL_STORE_BYTES)
    try:
        for node in servers.nodes:
            await world.kill(node.name)
        await asyncio.sleep(chance.uniform(*SECONDS))
    finally:
        servers.configure_nats()
        for node in servers.nodes:
            await world.kill(node.name)


async def of_postgres(world: World, chance: Random) -> None:
    """Its log may grow by half a megabyte and no further: then every write of the server fails."""
    async with world.database("public") as connection:
        limit = int(await connection.fetchval(WRITTEN)) % SEGMENT_BYTES + ROOM_BYTES
    server = world.stack.process("postgres")
    if server is None:
        raise CannotInject("Postgres did not run at that moment")
    try:
        before = _limited(server, (limit, resource.RLIM_INFINITY))
    except PermissionError:
        async with _restarted_with(world, limit):
            await asyncio.sleep(chance.uniform(*SECONDS))
        return
    except AttributeError as error:
        raise CannotInject("this system has no prlimit") from error
    try:
        await asyncio.sleep(chance.uniform(*SECONDS))
    finally:
        if server.is_running():
            _limited(server, before)


def _limited(server: psutil.Process, limit: tuple[int, int]) -> tuple[int, int]:
    """Limit the server and all its sessions as they are; answers what its limit was."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    for process in (server, *server.children(recursive=True)):
        try:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
        except ProcessLookupError:
            continue
    return before


@asynccontextmanager
async def _restarted_with(world: World, limit: int) -> AsyncIterator[None]:
    """Where another user's process may not be limited: let it come back with the limit, and again without."""
    server = world.stack.servers.postgres_process
    usual = server.program
    shell = ("/bin/sh", "-c", f'ulimit -f {limit // BLOCK_BYTES} && exec "$@"', "sh")
    server.program = replace(usual, command=(*shell, *usual.command))
    try:
        await world.kill("postgres", signal.SIGQUIT)
        yield
    finally:
        server.program = usual
        await world.kill("postgres", signal.SIGQUIT)
