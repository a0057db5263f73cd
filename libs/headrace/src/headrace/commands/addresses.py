"""Where the servers of a deployment are: as the environment says, else as the running stack does."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import Complaint
from headrace.services import MIGRATIONS

if TYPE_CHECKING:
    from headrace.data_dir import State

DSN_VARIABLE = "HEADRACE_POSTGRES_DSN"


def adopt_secret_files() -> None:
    """Put what stands in files (`HEADRACE_SEALING_KEY_FILE`) where every command, and what it starts, looks for it."""
    if not any(name.startswith("HEADRACE_") and name.endswith("_FILE") for name in os.environ):
        return
    from chassis.secret_files import SUFFIX, UnusableFile, read_secret_files

    try:
        found = read_secret_files(os.environ)
    except UnusableFile as error:
        raise Complaint(f"{error}.") from error
    for variable, value in found.items():
        os.environ[variable] = value
        del os.environ[variable + SUFFIX]


def must_be_known(service: str | None) -> None:
    """Refuse the name of a service that keeps nothing."""
    if service is not None and service not in MIGRATIONS:
        raise Complaint(f"Service {service!r} keeps no database: choose one of {', '.join(MIGRATIONS)}.")


def databases(data_dir: Path, service: str | None = None) -> dict[str, str]:
    """The database of each chosen service."""
    must_be_known(service)
    services = (service,) if service else tuple(MIGRATIONS)
    if said := _said_databases():
        return {name: said[name] for name in services}
    dsns = running(data_dir, DSN_VARIABLE).postgres_dsns
    return {name: dsns[name] for name in services}


def bus_address(data_dir: Path) -> tuple[str, str]:
    """URL and namespace of the bus."""
    if url := os.environ.get("HEADRACE_NATS_URL"):
        return url, os.environ.get("HEADRACE_NAMESPACE", "headrace")
    state = running(data_dir, "HEADRACE_NATS_URL")
    return state.nats_url, state.namespace


def said_outside() -> tuple[str, dict[str, str]] | None:
    """The bus and the databases that the environment names, None where it leaves one of them out."""
    url, dsns = os.environ.get("HEADRACE_NATS_URL"), _said_databases()
    return (url, dsns) if url and dsns else None


def running(data_dir: Path, variable: str) -> "State":
    """What runs on the data directory."""
    from headrace.data_dir import read_state

    state = read_state(data_dir)
    if state is None:
        raise Complaint(
            f"No stack runs on {data_dir}: start one with `headrace up`, name its --data-dir, or set {variable}."
        )
    return state


def _said_databases() -> dict[str, str]:
    """One DSN for all, or one for each role (`HEADRACE_EXECUTION_DSN`); empty where some service has none."""
    shared = os.environ.get(DSN_VARIABLE, "")
    found = {name: os.environ.get(f"HEADRACE_{name.upper()}_DSN", shared) for name in MIGRATIONS}
    return found if all(found.values()) else {}
