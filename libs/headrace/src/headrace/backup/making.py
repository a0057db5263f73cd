"""Taking a backup: every schema as it was at one moment, while the services go on."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headrace.backup import dump_tools
from headrace.backup.manifest import DATABASE, SECRETS, Manifest, Schema, described
from headrace.backup.secret_parts import seal_secrets
from headrace.errors import Complaint

PRIVATE = 0o700
KEPT = 3
"""Backups before migrations that are kept on a data directory."""
BEFORE_MIGRATION = "before-migration-"

MIGRATIONS = """
SELECT module || '/' || lpad(number::text, 4, '0') || '_' || name, sha256 FROM "{schema}".schema_migrations
"""
LEDGER = 'SELECT count(*), coalesce(max(notification_id), 0) FROM "{schema}".events'
EXISTS = "SELECT to_regclass($1) IS NOT NULL"


async def back_up(
    dsn: str,
    services: Sequence[str],
    folder: Path,
    *,
    reason: str = "asked for",
    secrets: tuple[Path, Path] | None = None,
) -> Manifest:
    """Write a backup of the services' schemas into a new folder; `dsn` names a role that may read all of them.

    `secrets` are the data directory whose secrets go along, and the file with the key that they are sealed with.
    """
    import asyncpg

    _refuse_existing(folder)
    try:
        connection = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise Complaint(f"Postgres does not let the backup in ({error}): check HEADRACE_POSTGRES_DSN.") from error
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _make_private(draft)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            manifest = await _write(connection, dsn, services, draft, reason, secrets)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        await connection.close()
    return manifest


async def _write(
    connection: Any, dsn: str, services: Sequence[str], draft: Path, reason: str, secrets: tuple[Path, Path] | None
) -> Manifest:
    """The dump and what the manifest tells of it, seen through the same snapshot."""
    import asyncpg

    snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
    major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
    try:
        schemas = {service: await _schema(connection, service) for service in services}
    except asyncpg.InsufficientPrivilegeError as error:
        raise Complaint(
            f"The role of the backup may not read every schema ({error}): name one that may with --dsn."
        ) from error
    there = [service for service, schema in schemas.items() if schema.migrations]
    if not there:
        raise Complaint("There is nothing to back up: no schema is there yet. `headrace migrate` makes them.")
    chosen = [f"--schema={service}" for service in there]
    program = dump_tools.tool("pg_dump", major)
    target = draft / DATABASE
    await dump_tools.run(program, dsn, "--format=custom", f"--snapshot={snapshot}", f"--file={target}", *chosen)
    files = [DATABASE]
    if secrets is not None:
        seal_secrets(*secrets, draft / SECRETS)
        files.append(SECRETS)
    manifest = Manifest(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("headrace"),
        server=major,
        schemas={service: schemas[service] for service in there},
        files=described(draft, files),
        reason=reason,
    )
    manifest.write(draft)
    _close_to_others(draft)
    return manifest


async def _schema(connection: Any, service: str) -> Schema:
    if not await connection.fetchval(EXISTS, f"{service}.schema_migrations"):
        return Schema()
    applied = dict(map(tuple, await connection.fetch(MIGRATIONS.format(schema=service))))
    events, head = 0, 0
    if await connection.fetchval(EXISTS, f"{service}.events"):
        events, head = await connection.fetchrow(LEDGER.format(schema=service))
    return Schema(applied, events, head)


def name_of_now(prefix: str = "") -> str:
    """A folder's name that sorts by time."""
    return f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def keep_the_newest(folder: Path, prefix: str) -> None:
    """Let go of all backups of this kind but the newest few."""
    found = sorted(path for path in folder.glob(f"{prefix}*") if path.suffix != ".draft")
    for path in found[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise Complaint(f"{folder} is there already: name a folder that does not exist.")


def _close_to_others(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o600)


def _make_private(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        folder.mkdir(mode=PRIVATE)
    except OSError as error:
        raise Complaint(f"{folder.parent} cannot be written ({error.strerror}): name another folder.") from error
