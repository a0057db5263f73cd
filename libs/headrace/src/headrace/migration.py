"""Run the migrations of each service with the service's own role."""

import asyncio
from collections.abc import Iterable, Mapping

import asyncpg

from chassis import migrations
from headrace.errors import Complaint
from headrace.services import MIGRATIONS, Direction


async def migrate(dsns: Mapping[str, str], direction: Direction, to: int = 0) -> dict[str, list[str]]:
    """Bring the schemas of these services up, or down to migration number `to`; answers what was done, by service.

    `status` changes nothing and raises where a schema is not the one that this code was written for.
    """
    outcomes = await asyncio.gather(*(_migrate_one(name, dsn, direction, to) for name, dsn in dsns.items()))
    return dict(zip(dsns, outcomes, strict=True))


async def connect(service: str, dsn: str) -> asyncpg.Connection:
    """A connection to the database of a service, or a sentence about why there is none."""
    try:
        return await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError) as error:
        raise Complaint(f"Postgres does not let {service} in ({error}): check HEADRACE_POSTGRES_DSN.") from error


async def _migrate_one(service: str, dsn: str, direction: Direction, to: int) -> list[str]:
    connection = await connect(service, dsn)
    packages = MIGRATIONS[service]
    try:
        if direction == "up":
            done: Iterable[object] = await migrations.migrate_up(connection, packages, service)
        elif direction == "down":
            done = await migrations.migrate_down(connection, packages, service, to)
        else:
            await migrations.check(connection, packages, service)
            done = migrations.migrations_in(packages)
    except migrations.UnknownSchema as error:
        raise Complaint(f"The schema does not fit this version: {error}.") from error
    finally:
        await connection.close()
    return [str(migration) for migration in done]
