"""Postgres as each service sees it: reachable, new enough, honest with the disk, of the right schema, on time."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.doctor.findings import Finding, fail, ok, warn
from headrace.services import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAJOR_MIN = 15
SKEW_WARN_SECONDS = 1.0
SKEW_FAIL_SECONDS = 10.0
DISK_WARN_SHARE = 0.10
DISK_FAIL_SHARE = 0.03
DISK_FAIL_BYTES = 512 * 1024**2
CONNECTIONS_WARN_SHARE = 0.9
CONNECT_SECONDS = 5.0

SETTINGS = """
SELECT name, setting FROM pg_settings
WHERE name IN ('server_version_num', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections')
"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
DANGEROUS: Mapping[str, str] = {
    "fsync": "a power failure can destroy the whole database",
    "full_page_writes": "a power failure can leave torn pages",
    "synchronous_commit": "a crash can lose work that was already accepted",
}
"""Settings that must be on, and what happens where they are off."""


@dataclass(frozen=True)
class DatabaseFacts:
    """What one service's role sees."""

    service: str
    trouble: str | None = None
    """Why there is no connection."""
    settings: Mapping[str, str] | None = None
    connections: int = 0
    skew_seconds: float = 0.0
    schema_trouble: str | None = None
    """How the schema differs from what this code was written for."""


@dataclass(frozen=True)
class DiskFacts:
    """Room where the embedded servers keep their files."""

    path: str
    total: int
    free: int


def judge(databases: list[DatabaseFacts]) -> Iterator[Finding]:
    """All services' databases; what is the same server is spoken of once."""
    reachable = [found for found in databases if found.settings is not None]
    for found in databases:
        if found.trouble is not None:
            advice = "Start Postgres, or correct the DSN and the role's password; infra/init.sql makes the roles."
            yield fail("postgres", f"{found.service} is not let in: {found.trouble}", advice)
    if reachable:
        if len(reachable) == len(databases):
            yield ok("postgres", f"Every role is let in: {', '.join(found.service for found in reachable)}.")
        yield from _server(reachable[0])
        yield from _schemas(reachable)


def _server(found: DatabaseFacts) -> Iterator[Finding]:
    settings = found.settings or {}
    major = int(settings.get("server_version_num", "0")) // 10_000
    if major < MAJOR_MIN:
        advice = f"Upgrade Postgres to {MAJOR_MIN} or newer; `headrace backup` first."
        yield fail("postgres version", f"Postgres {major} is older than {MAJOR_MIN}, the oldest that is known.", advice)
    else:
        yield ok("postgres version", f"Postgres {major}.")
    off = [name for name in DANGEROUS if settings.get(name) == "off"]
    for name in off:
        said = f"{name} is off: {DANGEROUS[name]}."
        yield fail("durability", said, f"ALTER SYSTEM SET {name} = on; then SELECT pg_reload_conf().")
    if not off:
        yield ok("durability", f"{', '.join(DANGEROUS)} are on.")
    allowed = int(settings.get("max_connections", "0"))
    if allowed and found.connections > allowed * CONNECTIONS_WARN_SHARE:
        said = f"{found.connections} of {allowed} connections are in use."
        yield warn("connections", said, "Raise max_connections, or lower HEADRACE_POOL_SIZE or the number of workers.")
    yield _clock(found.skew_seconds)


def _clock(skew: float) -> Finding:
    said = f"The clocks of Postgres and of this machine are {abs(skew):.1f} s apart."
    advice = "Let NTP keep both clocks: due times and leases are compared between them."
    if abs(skew) >= SKEW_FAIL_SECONDS:
        return fail("clock", said, advice)
    return warn("clock", said, advice) if abs(skew) >= SKEW_WARN_SECONDS else ok("clock", said)


def _schemas(databases: list[DatabaseFacts]) -> Iterator[Finding]:
    strange = [found for found in databases if found.schema_trouble]
    for found in strange:
        advice = "`headrace migrate` brings an older schema up to date; a newer one needs the version that made it."
        yield fail("schema", f"{str(found.schema_trouble)[:1].upper()}{str(found.schema_trouble)[1:]}.", advice)
    if not strange:
        yield ok("schema", f"The schemas are those of this version: {', '.join(found.service for found in databases)}.")


def judge_disk(found: DiskFacts) -> Finding:
    """Whether there is room to go on."""
    gib = found.free / 1024**3
    said = f"{gib:.1f} GiB are free at {found.path} ({found.free / max(found.total, 1):.0%})."
    advice = "Make room, or archive old runs with `headrace archive --older-than 90d`."
    if found.free < DISK_FAIL_BYTES or found.free < found.total * DISK_FAIL_SHARE:
        return fail("disk", said, advice)
    return warn("disk", said, advice) if found.free < found.total * DISK_WARN_SHARE else ok("disk", said)


def disk_of(path: Path) -> DiskFacts:
    """The disk that a path is on."""
    usage = shutil.disk_usage(path)
    return DiskFacts(str(path), usage.total, usage.free)


@asynccontextmanager
async def connections(dsns: Mapping[str, str]) -> "AsyncIterator[tuple[dict[str, Any], dict[str, str]]]":
    """A connection for each service that is let in, and why the others are not."""
    import asyncpg

    opened: dict[str, Any] = {}
    troubles: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for service, dsn in dsns.items():
            try:
                settings = {"search_path": service, "application_name": "headrace doctor"}
                connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, server_settings=settings)
            except (OSError, asyncpg.PostgresError, ValueError) as error:
                troubles[service] = f"{type(error).__name__}: {error}"
                continue
            opened[service] = connection
            stack.push_async_callback(connection.close)
        yield opened, troubles


async def gather(opened: Mapping[str, Any], troubles: Mapping[str, str]) -> list[DatabaseFacts]:
    """The facts of every service."""
    seen = [await _look(service, connection) for service, connection in opened.items()]
    return [*seen, *(DatabaseFacts(service, trouble=trouble) for service, trouble in troubles.items())]


async def _look(service: str, connection: Any) -> DatabaseFacts:
    from chassis import clock, migrations

    settings = {row["name"]: row["setting"] for row in await connection.fetch(SETTINGS)}
    before = clock.now()
    there = await connection.fetchval("SELECT clock_timestamp()")
    after = clock.now()
    trouble = None
    try:
        await migrations.check(connection, MIGRATIONS[service], service)
    except migrations.UnknownSchema as error:
        trouble = str(error)
    return DatabaseFacts(
        service,
        settings=settings,
        connections=int(await connection.fetchval(CONNECTIONS)),
        skew_seconds=(there - (before + (after - before) / 2)).total_seconds(),
        schema_trouble=trouble,
    )
