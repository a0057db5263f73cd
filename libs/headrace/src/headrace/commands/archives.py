"""`archive`: the histories of runs that ended long ago, in files instead of the ledger."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from headrace.commands.addresses import databases
from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir
from headrace.errors import Complaint

app = typer.Typer(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})

FOLDER = "archive"
Folder = Annotated[
    Path | None,
    typer.Option("--folder", envvar="HEADRACE_ARCHIVE_DIR", help="Where the files are (else: archive, in --data-dir)."),
]


@app.callback(invoke_without_command=True)
def archive(
    context: typer.Context,
    older_than: Annotated[str | None, typer.Option(help="Ended so long ago: 90d, 24h.", metavar="AGE")] = None,
    folder: Folder = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Move the histories of old runs into compressed files; verify them; bring them back.

    What a run did goes; its frame stays in the ledger (that it was asked for, what reached it, how it ended), so that
    lists, details, analytics and rebuilds are what they were. Its log is refused until it is restored. Only runs that
    ended, whose parents and children ended, and that every service has heard of are moved; the stack may go on.
    Each file is read again before anything is deleted, and the manifest chains their checksums.

    Examples:

      headrace archive --older-than 90d

      headrace archive verify

      headrace archive restore --instance 0198c1d2-7a3b-7c4d-8e5f-0123456789ab
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio
    from datetime import timedelta

    from chassis import clock
    from headrace.archiving import archive as run
    from headrace.tokens import seconds_in

    if older_than is None:
        raise Complaint("Say how old: `headrace archive --older-than 90d`; `headrace archive --help` shows the rest.")
    before = clock.now() - timedelta(seconds=seconds_in(older_than))
    place = folder or data_dir / FOLDER
    with _saying_what_is_damaged():
        moved = asyncio.run(run(databases(data_dir), place, before, _report))
    if as_json:
        print(json.dumps({"folder": str(place), **moved}, indent=2))
    elif moved["files"]:
        print(f"{moved['instances']:,} runs with {moved['events']:,} events are in {moved['files']} files in {place}.")
    else:
        print(f"No run that ended more than {older_than} ago has a history left to archive.")


@app.command()
def verify(folder: Folder = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Check that every file is there, unchanged, and in its place in the chain.

    Examples:

      headrace archive verify

      headrace archive verify --folder /mnt/archive --json
    """
    from chassis.archives import Archive
    from headrace.services import EXECUTION

    place = folder or data_dir / FOLDER
    with _saying_what_is_damaged():
        entries = Archive(place, EXECUTION).verify()
    if as_json:
        print(json.dumps({"folder": str(place), "files": [asdict(entry) for entry in entries]}, indent=2))
        return
    for entry in entries:
        print(f"{entry.file}  {entry.streams:,} runs  {entry.events:,} events  {entry.made_at}")
    print(f"{len(entries)} files in {place} are whole.")


@app.command()
def restore(
    file: Annotated[str | None, typer.Argument(help="A file of the archive.", metavar="FILE")] = None,
    instance: Annotated[UUID | None, typer.Option(help="Only this run, from whichever file.", metavar="ID")] = None,
    folder: Folder = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Put histories back into the ledger, exactly as they were.

    The files stay. The next `headrace archive` moves what is old again.

    Examples:

      headrace archive restore --instance 0198c1d2-7a3b-7c4d-8e5f-0123456789ab

      headrace archive restore execution-000001.ndjson.gz
    """
    import asyncio

    from headrace.archiving import restore as run

    if (file is None) == (instance is None):
        raise Complaint("Name one thing to restore: a FILE, or --instance ID.")
    with _saying_what_is_damaged():
        count = asyncio.run(run(databases(data_dir), folder or data_dir / FOLDER, file and Path(file).name, instance))
    print(json.dumps({"events": count}) if as_json else f"{count:,} events are back in the ledger.")


@contextmanager
def _saying_what_is_damaged() -> Iterator[None]:
    from chassis.archives import DamagedArchive

    try:
        yield
    except DamagedArchive as error:
        raise Complaint(
            f"The archive is damaged: {error}. Bring the file back from a copy; nothing was changed."
        ) from error


def _report(sentence: str) -> None:
    print(f"headrace: {sentence}", file=sys.stderr, flush=True)
