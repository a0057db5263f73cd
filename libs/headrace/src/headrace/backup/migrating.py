"""Migrations with a way back: whatever changes an existing schema is preceded by a backup."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from headrace.backup.making import BEFORE_MIGRATION, back_up, keep_the_newest, name_of_now
from headrace.errors import Complaint
from headrace.migration import connect
from headrace.services import MIGRATIONS

Report = Callable[[str], None]


async def back_up_before_migrating(
    dsns: Mapping[str, str], administrator_dsn: str | None, folder: Path, report: Report
) -> Path | None:
    """Take a backup into `folder` if an existing schema is about to change; answers where it is.

    `administrator_dsn` may read all schemas; without one each service's own role must do, one backup for each.
    """
    changing = await about_to_change(dsns)
    if not changing:
        return None
    taken = None
    for dsn, services in _by_role(changing, dsns, administrator_dsn).items():
        prefix = f"{BEFORE_MIGRATION}{services[0] if len(services) == 1 else 'all'}-"
        taken = folder / name_of_now(prefix)
        report(f"the schemas of {', '.join(changing)} are about to change; a backup is taken first: {taken}")
        try:
            await back_up(dsn, services, taken, reason="before a migration")
        except Complaint as complaint:
            raise Complaint(
                f"No backup could be taken before the migration, so nothing was changed. {complaint} "
                "`headrace migrate --no-backup` goes on without one."
            ) from complaint
        keep_the_newest(folder, prefix)
    return taken


async def about_to_change(dsns: Mapping[str, str]) -> list[str]:
    """The services whose schema is there and lacks migrations."""
    lacking = await asyncio.gather(*(_lacks(service, dsn) for service, dsn in dsns.items()))
    return [service for service, lacks in zip(dsns, lacking, strict=True) if lacks]


async def _lacks(service: str, dsn: str) -> bool:
    from chassis.migrations import lacking

    connection = await connect(service, dsn)
    try:
        applied, missing = await lacking(connection, MIGRATIONS[service], service)
        return bool(applied and missing)
    finally:
        await connection.close()


def _by_role(changing: list[str], dsns: Mapping[str, str], administrator_dsn: str | None) -> dict[str, list[str]]:
    """Who reads what: one who sees all reads all services, for their schemas belong together."""
    if administrator_dsn is not None:
        return {administrator_dsn: list(dsns)}
    if len(set(dsns.values())) == 1:
        return {next(iter(dsns.values())): list(dsns)}
    return {dsns[service]: [service] for service in changing}
