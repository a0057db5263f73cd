"""Options that several commands share, and the client that follows from them."""

import getpass
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.errors import Complaint
from headrace.services import MIGRATIONS

if TYPE_CHECKING:
    from headrace.client import Headrace

DEFAULT_DATA_DIR = Path(".headrace")

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="HEADRACE_DATA_DIR", help="Where the embedded stack keeps everything.")
]
Url = Annotated[
    str | None, typer.Option("--url", envvar="HEADRACE_URL", help="Another stack's gateway instead of the local one.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="HEADRACE_TOKEN",
        help="A bearer token or an API key; without it a token is signed for --user.",
    ),
]
User = Annotated[
    str | None, typer.Option("--user", envvar="HEADRACE_USER", help="Who asks (default: your login name).")
]
InstanceId = Annotated[str, typer.Argument(help="The run's id.", metavar="ID")]
ServiceName = Annotated[
    str | None, typer.Option("--service", help=f"Only this one of {', '.join(MIGRATIONS)}; without it, all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


REPEATED = {"data_dir": "--data-dir", "url": "--url", "user": "--user"}
"""Options that a follow-up command needs as well; a token is never shown."""


def repeated_options(context: typer.Context) -> str:
    """Which stack and who, as it was said on the command line and must be said again; begins with a space."""
    said = ""
    for name, option in REPEATED.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            said += f" {option} {shlex.quote(str(context.params[name]))}"
    return said


ADMIN = ("*:admin",)
"""What whoever holds the signing key of a deployment may be: its admin."""


def signing_key(data_dir: Path) -> str:
    """The key of the stack's tokens: `HEADRACE_JWT_SECRET`, else the data directory's own."""
    from headrace.embedded.secrets import read_secrets

    if key := os.environ.get("HEADRACE_JWT_SECRET"):
        return key
    secrets = read_secrets(data_dir)
    if secrets is None:
        raise Complaint(
            f"{data_dir} holds no signing key yet: start a stack with `headrace up`, name its --data-dir, "
            "or set HEADRACE_JWT_SECRET."
        )
    return secrets.jwt


def own_name(user: str | None) -> str:
    """The user that a command speaks for."""
    return user or getpass.getuser()


def url_of(data_dir: Path, url: str | None) -> str:
    """Where the gateway is: as told, else where the stack on the data directory says."""
    from headrace.data_dir import read_state

    if url is not None:
        return url
    state = read_state(data_dir)
    if state is None:
        raise Complaint(
            f"No stack runs on {data_dir}: start one with `headrace up`, or name one with --data-dir or --url."
        )
    return state.url


def connect(
    data_dir: Path, url: str | None, token: str | None, user: str | None, roles: tuple[str, ...] = ()
) -> "Headrace":
    """A client of the stack that the options name; `roles` stand in the token where one is signed here."""
    from headrace.tokens import sign

    found = url_of(data_dir, url)
    bearer = token or sign(signing_key(data_dir), own_name(user), roles=roles)
    # Imported last: the HTTP library costs more than all the rest together.
    from headrace.client import Headrace

    return Headrace(found, bearer)
