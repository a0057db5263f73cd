"""`audit`: who asked for what, and whether the record of it is whole."""

import json
from itertools import islice
from typing import Annotated, Any

import typer

from headrace.commands.options import ADMIN, DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

app = typer.Typer(help="Who asked for what, and whether the record of it is whole.", no_args_is_help=True)

OfUser = Annotated[str | None, typer.Option("--of", metavar="USER", help="Only what this user asked for.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="At this time or later (RFC 3339).")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before this time (RFC 3339).")]
NOT_WHOLE = 3
"""Exit status when the trail has been tampered with."""


@app.command("list")
def list_audit(
    of: OfUser = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List what was asked for, newest first, and what came of it.

    Examples:

      headrace audit list --of ada --since 2026-01-31T00:00:00Z
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        found = list(islice(client.audit(user=of, since=since, until=until), limit))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for entry in found:
        print(_line(entry))
    if not found:
        print("Nothing was asked for.")


@app.command()
def verify(
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Verify the whole trail; exit status 3 when an entry does not follow from the one before.

    Keep the head that it prints somewhere else: with it, nobody can rewrite the trail unnoticed.

    Examples:

      headrace audit verify
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        verdict = client.verify_audit()
    if as_json:
        print(json.dumps(verdict, indent=2))
    elif verdict["intact"]:
        print(f"{verdict['entries']} entries, whole. Head: {verdict['head']}")
    else:
        print(f"NOT whole: entry {verdict['broken_at']} does not follow from the one before. Compare with a backup.")
    if not verdict["intact"]:
        raise typer.Exit(NOT_WHOLE)


@app.command()
def export(
    of: OfUser = None,
    since: Since = None,
    until: Until = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Print the trail as JSON, an entry a line, newest first.

    Examples:

      headrace audit export --until 2026-02-01T00:00:00Z > january.ndjson
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        for entry in client.export_audit(user=of, since=since, until=until):
            print(json.dumps(entry))


def _line(entry: dict[str, Any]) -> str:
    who = "(erased)" if entry["erased"] else entry["user_id"] or "(nobody)"
    target = f" {entry['target']}" if entry["target"] else ""
    outcome = f"{entry['status']} {entry['refusal']}" if entry["refusal"] else str(entry["status"])
    return f"{entry['at']}  {who}  {entry['action']}{target}  {outcome}  from {entry['address'] or '?'}"
