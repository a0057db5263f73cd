"""What a running stack keeps, read behind its back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from contracts.milestones import MILESTONES
from tests.support.eventually import eventually
from tests.support.stacks import Up

LEDGERS = ("blueprint", "execution", "access")
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
LAST_OF = "SELECT coalesce(max(notification_id), 0) FROM events WHERE topic = ANY($1)"
UNFINISHED = "SELECT count(*) FROM workflow_instances WHERE status IN ('pending', 'running', 'waiting')"


@asynccontextmanager
async def database(up: Up, service: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees a service's schema as the service does."""
    connection = await asyncpg.connect(up.state["postgres_dsns"][service])
    try:
        await connection.execute(f"SET search_path TO {service}")
        yield connection
    finally:
        await connection.close()


async def fetch(up: Up, service: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one query."""
    async with database(up, service) as connection:
        return [tuple(row) for row in await connection.fetch(query, *values)]


async def heads(up: Up) -> dict[str, int]:
    """How far each ledger has grown."""
    return {service: (await fetch(up, service, HEAD))[0][0] for service in LEDGERS}


async def at_rest(up: Up, timeout: float = 30.0) -> None:
    """Return when no run is under way and every projection has folded its whole ledger."""

    async def resting() -> bool:
        now = await heads(up)
        unfinished = (await fetch(up, "execution", UNFINISHED))[0][0]
        assert unfinished == 0, f"{unfinished} runs are under way"
        ends = {source: await last_milestone(up, source) for source in LEDGERS}
        for service in (*LEDGERS, "metrics"):
            for projection, source, position in await checkpoints(up, service):
                wanted = now[source] if service == source else ends[source]
                assert wanted <= position <= now[source], (projection, position, wanted, now)
        return now == await heads(up)

    await eventually(resting, timeout)


async def last_milestone(up: Up, source: str) -> int:
    """How far those are sent a ledger who follow its milestones; where there are none, they are sent all of it."""
    topics = [event_type.topic() for event_type in MILESTONES.get(source, ())]
    rows = await fetch(up, source, LAST_OF, topics) if topics else await fetch(up, source, HEAD)
    return int(rows[0][0])


async def checkpoints(up: Up, service: str) -> Sequence[tuple[str, str, int]]:
    """(projection, source, position) of every projection of a service."""
    query = "SELECT projection, source, position FROM checkpoints ORDER BY projection"
    return [(name, source, position) for name, source, position in await fetch(up, service, query)]
