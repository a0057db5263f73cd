"""`up`, `status`, `service` and `token`: the stack itself."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, Url, own_name, signing_key
from headrace.errors import Complaint
from headrace.services import ACCESS, EXECUTION, SERVICES

DEFAULT_PORT = 8080


def up(
    port: Annotated[
        int, typer.Option(envvar="HEADRACE_PORT", min=0, max=65_535, help="Where the API listens; 0 takes a free one.")
    ] = DEFAULT_PORT,
    workers: Annotated[
        int, typer.Option(envvar="HEADRACE_WORKERS", min=1, max=64, help="How many execution processes run.")
    ] = 1,
    tools: Annotated[
        Path | None,
        typer.Option(envvar="HEADRACE_TOOLS", help="A Python file whose functions become tools.", metavar="FILE.py"),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    production: Annotated[
        bool, typer.Option("--production", envvar="HEADRACE_PRODUCTION", help="Refuse what is only for trying out.")
    ] = False,
) -> None:
    """Run the whole stack in the foreground until Ctrl-C.

    PostgreSQL and NATS run from their wheels under the data directory, on this machine alone; a second start finds
    everything as it was. With HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN set, your own servers are used instead.

    Examples:

      headrace up

      headrace up --port 9000 --workers 2 --tools my_tools.py
    """
    from headrace.running import run_stack

    run_stack(data_dir, port, workers, _tools_file(tools), production)


def _tools_file(tools: Path | None) -> Path | None:
    if tools is None:
        return None
    if not tools.is_file():
        raise Complaint(
            f"{tools} is not a file: --tools names a Python file with functions `def tool(arguments, context)`."
        )
    return tools.resolve()


def status(data_dir: DataDir = DEFAULT_DATA_DIR, url: Url = None, as_json: AsJson = False) -> None:
    """Show what runs, and whether it is ready.

    Exit status 1 when nothing runs or something is not ready.

    Examples:

      headrace status

      headrace status --json
    """
    from headrace.status import picture, sentences

    found = picture(data_dir, url)
    print(json.dumps(found, indent=2) if as_json else "\n".join(sentences(found)))
    if not found["ready"]:
        raise typer.Exit(1)


def service(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Run one service alone, in the foreground.

    It connects to HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN, or to the servers of the stack that runs on the data
    directory: one more `execution` there is one more worker.

    Examples:

      headrace service execution

      HEADRACE_NATS_URL=nats://nats:4222 HEADRACE_POSTGRES_DSN=postgresql://db/headrace headrace service blueprint
    """
    from headrace.data_dir import read_state

    if name not in SERVICES:
        raise Complaint(f"There is no service {name!r}: choose one of {', '.join(SERVICES)}.")
    if "HEADRACE_NATS_URL" not in os.environ:
        state = read_state(data_dir)
        if state is None:
            raise Complaint(
                f"No stack runs on {data_dir}: start one with `headrace up`, "
                "or set HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN."
            )
        os.environ["HEADRACE_NATS_URL"] = state.nats_urls.get(name, state.nats_url)
        os.environ["HEADRACE_NAMESPACE"] = state.namespace
        os.environ.setdefault("HEADRACE_POSTGRES_DSN", state.postgres_dsns.get(name, ""))
        if name in (ACCESS, EXECUTION):
            _set_sealing_key(data_dir)
    if name == "gateway":
        os.environ.setdefault("HEADRACE_JWT_SECRET", signing_key(data_dir))
    os.execv(sys.executable, [sys.executable, "-m", f"{name}.app"])  # noqa: S606 - our own interpreter


def _set_sealing_key(data_dir: Path) -> None:
    """The key of the data directory, where there is one and the environment says no other."""
    from headrace.embedded.secrets import read_secrets

    drawn = read_secrets(data_dir)
    if drawn is not None:
        os.environ.setdefault("HEADRACE_SEALING_KEY", drawn.sealing_key)


def token(
    user: Annotated[str | None, typer.Option(help="Who the token speaks for (default: your login name).")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team the user is in; may be given several times.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role the user has; may be given several times.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it holds: 90s, 15m, 24h, 7d.")] = "24h",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Sign a bearer token for the API and print it.

    The key is HEADRACE_JWT_SECRET, else the data directory's own.

    Examples:

      headrace token --user ada

      curl -H "Authorization: Bearer $(headrace token --user ada --team research)" localhost:8080/api/v2/blueprints
    """
    from headrace.tokens import sign

    print(sign(signing_key(data_dir), own_name(user), teams=team or (), roles=role or (), ttl=ttl))


def nats_users(
    namespace: Annotated[str, typer.Option(help="The deployment's HEADRACE_NAMESPACE.")] = "headrace",
) -> None:
    """Print the users of a NATS server and what each may say and hear, for its configuration to include.

    The passwords are read from the server's environment: HEADRACE_NATS_GATEWAY_PASSWORD and so on.

    Examples:

      headrace nats-users > infra/nats/users.conf

      headrace nats-users --namespace staging > users.conf
    """
    from headrace.permissions import users_conf

    typer.echo(users_conf(namespace), nl=False)
