"""`dead-letters`: facts that were put aside, listed, tried again, or discarded."""

import json
from typing import Annotated
from uuid import UUID

import typer

from headrace.commands.addresses import bus_address, databases
from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, ServiceName
from headrace.errors import Complaint

app = typer.Typer(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback(invoke_without_command=True)
def dead_letters(
    context: typer.Context, service: ServiceName = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """List the events that no projection could read, with the reason; try them again, or discard them.

    Examples:

      headrace dead-letters --service metrics

      headrace dead-letters redrive --all

      headrace dead-letters discard 0198c1d2-7a3b-7c4d-8e5f-0123456789ab --reason "published by mistake"
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from headrace.letters import read_dead_letters

    letters = asyncio.run(read_dead_letters(databases(data_dir, service)))
    if as_json:
        print(json.dumps(letters, indent=2))
        return
    for letter in letters:
        print(
            f"{letter['id']}  {letter['at']}  {letter['service']}/{letter['projection']}  {letter['topic']} "
            f"at {letter['source']} {letter['position']}: {letter['error']}"
        )
    if not letters:
        print("No dead letters.")


@app.command()
def redrive(
    id: Annotated[list[UUID] | None, typer.Option("--id", help="Only this letter; may be given several times.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every letter of the chosen services.")] = False,
    service: ServiceName = None,
    projection: Annotated[str | None, typer.Option(help="Only letters of this projection.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let projections try again what they put aside, in its place.

    A fact that comes late may be older than what the rows show, so each projection concerned is made anew from its
    ledger, while the old rows are read: every letter of it is tried, in order. What still cannot be read is a letter
    again. The services must run. What no relay published has no place in a ledger and can only be discarded.

    Examples:

      headrace dead-letters redrive --all

      headrace dead-letters redrive --service metrics --projection executions
    """
    import asyncio

    from headrace.letters import Choice
    from headrace.letters import redrive as run

    if not (id or everything or projection):
        raise Complaint("Say which letters: --id ID, --projection NAME, or --all.")
    choice = Choice(frozenset(id or ()), projection)
    tried = asyncio.run(
        run(databases(data_dir, service), *bus_address(data_dir), choice, _silent if as_json else print)
    )
    if as_json:
        print(json.dumps(tried, indent=2))
        return
    for one in tried:
        left = f"{one['remaining']} cannot be read yet" if one["remaining"] else "none is left"
        print(f"{one['service']}/{one['projection']}: {one['applied']} letters are applied, {left}.")
    if any(one["remaining"] for one in tried):
        print("`headrace dead-letters` says why; a version that reads them, or `discard`, is what helps.")


@app.command()
def discard(
    ids: Annotated[list[UUID], typer.Argument(help="The letters.", metavar="ID…")],
    reason: Annotated[str, typer.Option(help="Why they are of no use; it is kept with them.")],
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """List letters no more, and remember why.

    They stay in their table, so that a rebuild which meets the same fact does not list it again.

    Examples:

      headrace dead-letters discard 0198c1d2-7a3b-7c4d-8e5f-0123456789ab --reason "published by mistake"
    """
    import asyncio

    from headrace.letters import discard as run

    if not reason.strip():
        raise Complaint("--reason is empty: say why the letters are of no use.")
    count = asyncio.run(run(databases(data_dir), ids, reason.strip()))
    if not count:
        raise Complaint("No such letter is listed: `headrace dead-letters` shows the ids.")
    print(json.dumps({"discarded": count}) if as_json else f"{count} letters are discarded.")


def _silent(_: str) -> None:
    """JSON is asked for by programs."""
