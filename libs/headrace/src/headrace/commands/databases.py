"""`migrate`, `rebuild` and `dead-letters`: what lies in Postgres."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir
from headrace.errors import Complaint
from headrace.services import MIGRATIONS, Direction

if TYPE_CHECKING:
    from headrace.data_dir import State

ServiceName = Annotated[
    str | None, typer.Option("--service", help=f"Only this one of {', '.join(MIGRATIONS)}; without it, all.")
]


def migrate(
    direction: Annotated[str, typer.Argument(help="up, down or status.")] = "up",
    service: ServiceName = None,
    to: Annotated[int, typer.Option(min=0, help="With down: the last migration number that stays.")] = 0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Bring the schemas up to date, take migrations back, or check them.

    The database is HEADRACE_POSTGRES_DSN, else the one of the stack that runs on the data directory.
    `headrace up` does this by itself. `down` deletes what the tables hold.

    Examples:

      HEADRACE_POSTGRES_DSN=postgresql://db/headrace headrace migrate

      headrace migrate status

      headrace migrate down --service metrics --to 1
    """
    import asyncio

    from headrace.migration import migrate as run

    chosen = next((known for known in get_args(Direction) if known == direction), None)
    if chosen is None:
        raise Complaint(f"{direction!r} is no direction: choose up, down or status.")
    for name, done in asyncio.run(run(_dsns(data_dir, service), chosen, to)).items():
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

    _must_be_known(service)
    for_each = asyncio.run(run(*_bus_address(data_dir), service, projection))
    if as_json:
        print(json.dumps(for_each, indent=2))
        return
    for name, position in for_each.items():
        print(f"{service}/{name} is made anew, up to position {position}")


def dead_letters(service: ServiceName = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List the events that no projection could read, with the reason.

    Examples:

      headrace dead-letters --service metrics
    """
    import asyncio

    from headrace.letters import read_dead_letters

    letters = asyncio.run(read_dead_letters(_dsns(data_dir, service)))
    if as_json:
        print(json.dumps(letters, indent=2))
        return
    for letter in letters:
        print(
            f"{letter['at']}  {letter['service']}/{letter['projection']}  {letter['topic']} "
            f"at {letter['source']} {letter['position']}: {letter['error']}"
        )
    if not letters:
        print("No dead letters.")


def _must_be_known(service: str | None) -> None:
    if service is not None and service not in MIGRATIONS:
        raise Complaint(f"Service {service!r} keeps no database: choose one of {', '.join(MIGRATIONS)}.")


def _dsns(data_dir: Path, service: str | None) -> dict[str, str]:
    """The database of each chosen service."""
    _must_be_known(service)
    services = (service,) if service else tuple(MIGRATIONS)
    if dsn := os.environ.get("HEADRACE_POSTGRES_DSN"):
        return dict.fromkeys(services, dsn)
    dsns = _running(data_dir, "HEADRACE_POSTGRES_DSN").postgres_dsns
    return {name: dsns[name] for name in services}


def _bus_address(data_dir: Path) -> tuple[str, str]:
    """URL and namespace of the bus."""
    if url := os.environ.get("HEADRACE_NATS_URL"):
        return url, os.environ.get("HEADRACE_NAMESPACE", "headrace")
    state = _running(data_dir, "HEADRACE_NATS_URL")
    return state.nats_url, state.namespace


def _running(data_dir: Path, variable: str) -> "State":
    from headrace.data_dir import read_state

    state = read_state(data_dir)
    if state is None:
        raise Complaint(
            f"No stack runs on {data_dir}: start one with `headrace up`, name its --data-dir, or set {variable}."
        )
    return state
