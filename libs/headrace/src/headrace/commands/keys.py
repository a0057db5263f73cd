"""`keys`: API keys, for programs that have no token."""

import json
import sys
from typing import Annotated

import typer

from headrace.commands.options import ADMIN, DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

app = typer.Typer(help="API keys, for programs that have no token.", no_args_is_help=True)


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, execute, steer, edit or manage; several times. All but manage by default."),
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only in this team; may be given several times.")] = None,
    ttl: Annotated[str | None, typer.Option(help="How long it holds: 24h, 90d. Without it: until revoked.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Issue an API key that acts as you, and print it; it is shown this once.

    It goes wherever a token goes (HEADRACE_TOKEN). It has the roles that `headrace users grant` gave its owner.

    Examples:

      headrace keys issue "nightly build" --scope read --scope execute --ttl 90d

      export HEADRACE_TOKEN=$(headrace keys issue laptop --user ada)
    """
    from headrace.tokens import moment_in

    expires_at = moment_in(ttl) if ttl else None
    with connect(data_dir, url, token, user, ADMIN) as client:
        issued = client.issue_key(name, scopes=scope or None, teams=team or None, expires_at=expires_at)
    if as_json:
        print(json.dumps(issued, indent=2))
        return
    print(f"Key {issued['id']} is shown this once; keep it where secrets are kept.", file=sys.stderr)
    print(issued["key"])


@app.command("list")
def list_keys(
    owner: Annotated[str | None, typer.Option(help="Another user's; for admins of the deployment.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List API keys, newest first, without their secrets.

    Examples:

      headrace keys list --owner ada
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        found = list(client.keys(owner))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for key in found:
        ends = f"revoked {key['revoked_at']}" if key["revoked_at"] else f"expires {key['expires_at'] or 'never'}"
        print(f"{key['id']}  {key['owner_id']}  {','.join(key['scopes'])}  {ends}  {key['name']}")
    if not found:
        print("No API keys: `headrace keys issue NAME` issues one.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id (`headrace keys list`).")],
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Revoke an API key: it opens nothing from now on.

    Examples:

      headrace keys revoke 0199c3f6-1a2b-7c3d-8e4f-5a6b7c8d9e0f
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        revoked = client.revoke_key(key_id)
    print(json.dumps(revoked, indent=2) if as_json else f"Revoked {revoked['id']} ({revoked['name']}).")
