"""`backup` and `restore`: everything that was recorded, as it was at one moment, and back."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.commands.addresses import DSN_VARIABLE, running
from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir
from headrace.errors import Complaint
from headrace.services import MIGRATIONS

if TYPE_CHECKING:
    from headrace.backup.manifest import Manifest

Key = Annotated[
    Path | None,
    typer.Option("--key", help="The file with the key that secrets are sealed with.", metavar="FILE"),
]
Dsn = Annotated[
    str | None,
    typer.Option("--dsn", envvar="HEADRACE_BACKUP_DSN", help="A role that may read every schema, on your own server."),
]


def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder that does not exist yet.", metavar="FOLDER", show_default=False)
    ] = None,
    key: Key = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write everything that was recorded into a folder, while the stack goes on.

    All schemas as they were at one moment, with checksums. NATS is not part of it: it is filled from the ledgers. The
    database is --dsn or HEADRACE_POSTGRES_DSN, else the one of the stack that runs on the data directory; without a
    FOLDER a new one below its `backups` is made. With --key the data directory's secrets go along, sealed; a key file
    that is not there is made. Keep it elsewhere: who has both has everything.

    Examples:

      headrace backup

      headrace backup /mnt/backups/monday --key ~/headrace-backup.key

      HEADRACE_POSTGRES_DSN=postgresql://admin@db/headrace headrace backup /mnt/backups/monday
    """
    import asyncio

    from headrace.backup.making import back_up, name_of_now
    from headrace.data_dir import BACKUPS

    source = dsn or os.environ.get(DSN_VARIABLE) or _administrator_of(data_dir)
    target = folder or data_dir / BACKUPS / name_of_now("asked-for-")
    secrets = (data_dir, key) if key is not None else None
    _say(as_json, f"writing {target} …")
    manifest = asyncio.run(back_up(source, tuple(MIGRATIONS), target, secrets=secrets))
    _tell(as_json, manifest, target, f"{target} holds")
    if secrets is None:
        _say(as_json, "secrets.json is not in it: keep a copy of it elsewhere, or take it along with --key FILE.")


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup.", metavar="FOLDER")],
    key: Key = None,
    own: Annotated[
        bool, typer.Option("--own", help="On your own server: everything belongs to the role that restores.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Bring a backup back, into a place where nothing is.

    Without HEADRACE_POSTGRES_DSN into a new data directory, on which `headrace up` goes on. With it into that database,
    in which infra/init.sql has made the roles; with HEADRACE_NATS_URL set too, the streams of HEADRACE_NAMESPACE are
    removed, for they may know what the backup does not: stop the services first.

    Examples:

      headrace restore /mnt/backups/monday --key ~/headrace-backup.key --data-dir .restored

      HEADRACE_POSTGRES_DSN=postgresql://admin@db/headrace headrace restore /mnt/backups/monday
    """
    import asyncio

    from headrace.backup.restoring import restore_embedded, restore_outside

    def report(sentence: str) -> None:
        _say(as_json, sentence)

    if dsn := os.environ.get(DSN_VARIABLE):
        url = os.environ.get("HEADRACE_NATS_URL")
        bus = (url, os.environ.get("HEADRACE_NAMESPACE", "headrace")) if url else None
        if bus is None:
            report("HEADRACE_NATS_URL is not set: if this deployment had streams before, remove them by hand")
        manifest = asyncio.run(restore_outside(folder, dsn, bus, own=own, report=report))
        _tell(as_json, manifest, folder, "the database holds")
        return
    manifest = asyncio.run(restore_embedded(folder, data_dir.resolve(), key, report))
    _tell(as_json, manifest, folder, f"{data_dir} holds")
    _say(as_json, f"start it with `headrace up --data-dir {data_dir}`")


def _administrator_of(data_dir: Path) -> str:
    """The embedded server's own role, at the address of the stack that runs."""
    from headrace.embedded.postgres import as_superuser
    from headrace.embedded.secrets import read_secrets

    state = running(data_dir, DSN_VARIABLE)
    secrets = read_secrets(data_dir)
    if not state.embedded or secrets is None:
        raise Complaint(f"The stack on {data_dir} uses a server of your own: set {DSN_VARIABLE} or --dsn.")
    return as_superuser(next(iter(state.postgres_dsns.values())), secrets)


def _tell(as_json: bool, manifest: "Manifest", folder: Path, where: str) -> None:
    if as_json:
        print(json.dumps({"folder": str(folder), **asdict(manifest)}, indent=2))
        return
    ledgers = ", ".join(f"{name} {one.events:,}" for name, one in manifest.schemas.items() if one.events)
    print(f"{where} {manifest.events:,} events ({ledgers or 'none yet'}) of {manifest.at}.")


def _say(as_json: bool, sentence: str) -> None:
    """Beside what a program reads."""
    print(f"headrace: {sentence}", file=sys.stderr if as_json else sys.stdout, flush=True)
