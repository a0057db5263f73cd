"""`migrate` and `rebuild`: schemas and read models."""

import json
import sys
from pathlib import Path
from typing import Annotated, get_args

import typer

from headrace.commands.addresses import bus_address, databases, must_be_known
from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, ServiceName
from headrace.errors import Complaint
from headrace.services import MIGRATIONS, Direction


def migrate(
    direction: Annotated[str, typer.Argument(help="up, down or status.")] = "up",
    service: ServiceName = None,
    to: Annotated[int, typer.Option(min=0, help="With down: the last migration number that stays.")] = 0,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Change schemas without a backup first.")] = False,
    backup_dir: Annotated[
        Path | None,
        typer.Option(envvar="HEADRACE_BACKUP_DIR", help="Where that backup goes (default: `backups` in --data-dir)."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Bring the schemas up to date, take migrations back, or check them.

    The database is HEADRACE_POSTGRES_DSN, else the one of the stack that runs on the data directory.
    `headrace up` does this by itself. `down` deletes what the tables hold. Before an existing schema is changed, a
    backup is taken; the newest three are kept.

    Examples:

      HEADRACE_POSTGRES_DSN=postgresql://db/headrace headrace migrate

      headrace migrate status

      headrace migrate down --service metrics --to 1
    """
    import asyncio

    from headrace.backup.migrating import back_up_before_migrating
    from headrace.data_dir import BACKUPS
    from headrace.migration import migrate as run

    chosen = next((known for known in get_args(Direction) if known == direction), None)
    if chosen is None:
        raise Complaint(f"{direction!r} is no direction: choose up, down or status.")
    dsns = databases(data_dir, service)

    async def migrated() -> dict[str, list[str]]:
        if chosen == "up" and not no_backup:
            await back_up_before_migrating(dsns, None, backup_dir or data_dir / BACKUPS, _report)
        return await run(dsns, chosen, to)

    outcome = asyncio.run(migrated())
    if as_json:
        print(json.dumps(outcome, indent=2))
        return
    for name, done in outcome.items():
        print(f"{name}: {', '.join(done) if done else 'nothing to do'}")


def rebuild(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(MIGRATIONS)}.")],
    projection: Annotated[str | None, typer.Argument(help="One of its projections; without it, all.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a service's read model anew from the events, while the old one still answers.

    The stack must run: HEADRACE_NATS_URL (and HEADRACE_NAMESPACE), else the one on the data directory.

    Examples:

      headrace rebuild execution

      headrace rebuild metrics executions
    """
    import asyncio

    from headrace.rebuilding import rebuild as run

    must_be_known(service)
    for_each = asyncio.run(run(*bus_address(data_dir), service, projection))
    if as_json:
        print(json.dumps(for_each, indent=2))
        return
    for name, position in for_each.items():
        print(f"{service}/{name} is made anew, up to position {position}")


def _report(sentence: str) -> None:
    print(f"headrace: {sentence}", file=sys.stderr, flush=True)
