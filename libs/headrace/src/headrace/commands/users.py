"""`users`: who is let in, and with which roles."""

import json
from typing import Annotated, Any

import typer

from headrace.commands.options import ADMIN, DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

app = typer.Typer(help="Who is let in, and with which roles.", no_args_is_help=True)

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id, as tokens name it (`sub`).")]
Team = Annotated[str, typer.Argument(metavar="TEAM", help="The team, or '*' for the deployment itself.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator, editor or admin.")]


@app.command("list")
def list_users(
    team: Annotated[str | None, typer.Option(help="Only those with a role in this team.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List users, newest first, with the roles that access granted.

    Examples:

      headrace users list --team research
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        found = list(client.users(team))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for each in found:
        print(_line(each))
    if not found:
        print("Nobody is registered: tokens let people in all the same. `headrace users add USER` registers one.")


@app.command()
def add(
    user_id: UserId,
    name: Annotated[str | None, typer.Option(help="The display name.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Make a user known, or change the display name.

    Examples:

      headrace users add ada --name "Ada Lovelace"
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.put_user(user_id, name), as_json)


@app.command()
def deactivate(
    user_id: UserId,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Let a user in no more, with whatever token or API key.

    Examples:

      headrace users deactivate ada
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.deactivate_user(user_id), as_json)


@app.command()
def activate(
    user_id: UserId,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Let a user in again.

    Examples:

      headrace users activate ada
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.activate_user(user_id), as_json)


@app.command()
def erase(
    user_id: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Erase a user for ever: the key with which everything personal was sealed is shredded.

    Examples:

      headrace users erase ada --yes
    """
    if not yes:
        typer.confirm(f"Erase {user_id} for ever? Nobody can undo this.", abort=True, err=True)
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.erase_user(user_id), as_json)


@app.command()
def grant(
    user_id: UserId,
    team: Team,
    role: Role,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Give a user a role in a team; it takes effect at once.

    Examples:

      headrace users grant ada research editor

      headrace users grant ada '*' admin
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.grant_role(user_id, team, role), as_json)


@app.command()
def revoke(
    user_id: UserId,
    team: Team,
    role: Role,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Take a role away from a user; roles that stand in a token stay until it expires.

    Examples:

      headrace users revoke ada research editor
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        _show(client.revoke_role(user_id, team, role), as_json)


def _show(user: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(user, indent=2) if as_json else _line(user))


def _line(user: dict[str, Any]) -> str:
    state = "erased" if user["erased"] else "active" if user["active"] else "inactive"
    roles = ", ".join(f"{held['team_id']}:{held['role']}" for held in user["roles"]) or "no roles"
    name = f"  {user['display_name']}" if user["display_name"] else ""
    return f"{user['user_id']}  {state}  {roles}{name}"
