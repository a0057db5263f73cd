"""`secrets`: named values that nodes read as `${secrets.NAME}`, and nobody else."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.commands.options import ADMIN, DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect
from headrace.errors import Complaint

app = typer.Typer(help="Named values that nodes read as `${secrets.NAME}`.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Letters, digits and underscores.")]
Team = Annotated[str | None, typer.Option(metavar="TEAM", help="The team's; without it your own.")]


@app.command("set")
def set_secret(
    name: Name,
    team: Team = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Read the value from a file, as it stands there.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Keep a secret. Its value comes from a prompt, a pipe or a file: never from an argument, which others can see.

    Examples:

      headrace secrets set PAYMENTS_TOKEN --team shop

      pass show payments | headrace secrets set PAYMENTS_TOKEN

      headrace secrets set SIGNING_KEY --from-file key.pem
    """
    value = _value(name, from_file)
    with connect(data_dir, url, token, user, ADMIN) as client:
        kept = client.put_secret(name, value, team)
    if as_json:
        print(json.dumps(kept, indent=2))
        return
    print(f"Kept {kept['name']} of {kept['kind']} {kept['owner']}, version {kept['version']}.")


def _value(name: str, from_file: Path | None) -> str:
    if from_file is not None:
        try:
            return from_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Complaint(f"{from_file} cannot be read ({error}): name a text file.") from error
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    try:
        # A newline at the end is the shell's (`echo`), not the secret's.
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise Complaint("What was piped in is no UTF-8 text: encode it first, for example with `base64`.") from error
    if not value:
        raise Complaint(f"There was no value on standard input: pipe {name}'s value in, or name a file (--from-file).")
    return value


@app.command("list")
def list_secrets(
    team: Team = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List the names of secrets; nothing ever shows a value.

    Examples:

      headrace secrets list --team shop
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        found = client.secrets(team)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for secret in found:
        print(f"{secret['name']}  version {secret['version']}  {secret['updated_at']}")
    if not found:
        print("No secrets: `headrace secrets set NAME` keeps one.")


@app.command()
def delete(
    name: Name,
    team: Team = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Forget a secret: runs that need it fail from now on.

    Examples:

      headrace secrets delete PAYMENTS_TOKEN --team shop
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        forgotten = client.delete_secret(name, team)
    print(json.dumps(forgotten, indent=2) if as_json else f"Forgot {forgotten['name']}.")
