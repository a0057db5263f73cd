"""Bringing a backup back: into a data directory where nothing is, or into a database of your own without our data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.backup import dump_tools
from headrace.backup.manifest import DATABASE, SECRETS, Manifest, verified
from headrace.backup.secret_parts import unseal_secrets
from headrace.data_dir import held
from headrace.embedded.secrets import SECRETS_FILE, secrets_of
from headrace.errors import Complaint
from headrace.services import LEDGERS, MIGRATIONS

Report = Callable[[str], None]

EVENTS = "SELECT to_regclass($1) IS NOT NULL"
COUNT = 'SELECT count(*) FROM "{schema}".events'
JOBS = "2"
EMPTY_ARE = frozenset({"lock", "logs", SECRETS_FILE})
"""What may lie in a data directory into which a backup is restored."""


async def restore_embedded(folder: Path, data_dir: Path, key_file: Path | None, report: Report) -> Manifest:
    """Make a data directory whose database is the backup's; `headrace up` goes on from there."""
    from headrace.servers import EmbeddedServers

    manifest = _fitting(folder)
    with held(data_dir):
        _refuse_used(data_dir)
        _secrets(folder, manifest, data_dir, key_file, report)
        servers = EmbeddedServers(data_dir, secrets_of(data_dir), "headrace", report)
        try:
            report("a new PostgreSQL is made")
            await servers.start_postgres()
            await _fill(folder, manifest, servers.administrator_dsn, (), report)
        finally:
            await servers.stop()
    return manifest


async def restore_outside(
    folder: Path, dsn: str, bus: tuple[str, str] | None, *, own: bool, report: Report
) -> Manifest:
    """Fill a database of your own. With `own`, everything belongs to the role of `dsn`, else to whom it belonged.

    The streams of the old deployment know facts that a restored ledger may not have: those on `bus` (URL, namespace)
    are removed, and made anew and filled by the services.
    """
    manifest = _fitting(folder)
    await _refuse_data(dsn)
    await _fill(folder, manifest, dsn, ("--no-owner", "--no-privileges") if own else (), report)
    if bus is not None:
        await _remove_streams(*bus, report)
    return manifest


def _fitting(folder: Path) -> Manifest:
    """The manifest of a whole backup, whose schemas this code knows; older ones are migrated when the stack starts."""
    from chassis.migrations import migrations_in

    manifest = verified(folder)
    for service, schema in manifest.schemas.items():
        known = {str(migration) for migration in migrations_in(MIGRATIONS.get(service, ()))}
        if strangers := sorted(set(schema.migrations) - known):
            raise Complaint(
                f"{folder} was made by version {manifest.version}, which has {strangers[0]}: restore it with that one."
            )
    return manifest


def _refuse_used(data_dir: Path) -> None:
    strange = sorted(path.name for path in data_dir.iterdir() if path.name not in EMPTY_ARE)
    if strange:
        raise Complaint(f"{data_dir} is not empty ({', '.join(strange[:3])}): name a new --data-dir.")


def _secrets(folder: Path, manifest: Manifest, data_dir: Path, key_file: Path | None, report: Report) -> None:
    if SECRETS in manifest.files:
        if key_file is None:
            raise Complaint("The backup holds sealed secrets: name the file with their key (--key FILE).")
        unseal_secrets(folder / SECRETS, key_file, data_dir)
    elif not (data_dir / SECRETS_FILE).exists():
        report(
            f"the backup holds no secrets, so new ones are drawn: tokens have to be signed anew, and named secrets "
            f"stay closed unless you put the old {SECRETS_FILE} into the directory first"
        )


async def _fill(folder: Path, manifest: Manifest, dsn: str, options: tuple[str, ...], report: Report) -> None:
    """Restore, count, and let the planner know."""
    import asyncpg

    connection = await asyncpg.connect(dsn)
    try:
        major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        if major < manifest.server:
            raise Complaint(f"The backup is from PostgreSQL {manifest.server}, this is {major}: use a newer server.")
        report(f"{manifest.events:,} events of {len(manifest.schemas)} services are restored")
        program = dump_tools.tool("pg_restore", manifest.server)
        # The schemas are there already, empty: provisioning makes them together with their roles.
        clean = ("--clean", "--if-exists", "--exit-on-error", f"--jobs={JOBS}")
        await dump_tools.run(program, dsn, *clean, *options, str(folder / DATABASE))
        await _count(connection, manifest)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _count(connection: Any, manifest: Manifest) -> None:
    for service, schema in manifest.schemas.items():
        if service in LEDGERS:
            found = await connection.fetchval(COUNT.format(schema=service))
            if found != schema.events:
                raise Complaint(
                    f"{service} has {found:,} events after the restore instead of {schema.events:,}: "
                    "do not start it; restore again into another place."
                )


async def _refuse_data(dsn: str) -> None:
    import asyncpg

    try:
        connection = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise Complaint(f"Postgres does not answer ({error}): check HEADRACE_POSTGRES_DSN.") from error
    try:
        for service in LEDGERS:
            there = await connection.fetchval(EVENTS, f"{service}.events")
            if there and await connection.fetchval(COUNT.format(schema=service)):
                raise Complaint(
                    f"The database holds events of {service} already: restore into an empty one, "
                    "so that nothing is lost that you still need."
                )
    finally:
        await connection.close()


async def _remove_streams(url: str, namespace: str, report: Report) -> None:
    from nats.js.errors import NotFoundError

    from chassis.bus import Bus
    from contracts.refusal import Unavailable

    try:
        bus = await Bus.connect(url, namespace, "headrace restore")
    except Unavailable as error:
        raise Complaint(
            f"The database is restored, but NATS does not answer ({error.detail}): remove the streams "
            f"{namespace.upper()}_* before the services start."
        ) from error
    try:
        for service in (*LEDGERS, "work"):
            try:
                await bus.js.delete_stream(bus.stream(service))
                report(f"stream {bus.stream(service)} is removed; it is filled again from the ledger")
            except NotFoundError:
                continue
    finally:
        await bus.close()
