"""`doctor`: is everything as it should be, and if not, what to do."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headrace.commands.addresses import running, said_outside
from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, Url

if TYPE_CHECKING:
    from headrace.doctor.target import Target


def doctor(data_dir: DataDir = DEFAULT_DATA_DIR, url: Url = None, as_json: AsJson = False) -> None:
    """Examine a deployment, and say what to do about what is wrong.

    Looks at settings, connections, versions, disk and clocks, at streams, consumers, relays, projections and dead
    letters, at instances that are stuck and at rows that refer to nothing. Changes nothing. The deployment is
    HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN (or HEADRACE_EXECUTION_DSN and so on, one for each role), else the
    stack that runs on the data directory.

    Exit status 0 when all is well, 1 when something should be looked at, 2 when something does not work.

    Examples:

      headrace doctor

      headrace doctor --json | jq '.findings[] | select(.level != "ok")'

      HEADRACE_NATS_URL=nats://nats:4222 HEADRACE_POSTGRES_DSN=postgresql://db/headrace headrace doctor
    """
    import asyncio

    from headrace.doctor import findings as told
    from headrace.doctor.examination import examine

    found = asyncio.run(examine(_target(data_dir, url), _quiet if as_json else _tell))
    if as_json:
        print(json.dumps(told.report(found), indent=2))
    else:
        for finding in found:
            print("\n".join(told.lines(finding)))
    raise typer.Exit(told.LEVELS.index(told.worst(found)))


def _target(data_dir: Path, url: str | None) -> "Target":
    from headrace.doctor.target import Target
    from headrace.embedded.secrets import read_secrets

    if outside := said_outside():
        namespace = os.environ.get("HEADRACE_NAMESPACE", "headrace")
        nats_url, dsns = outside
        return Target(nats_url, namespace, dsns, url, environment=dict(os.environ))
    state = running(data_dir, "HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN")
    drawn = read_secrets(data_dir)
    environment = dict(os.environ)
    if drawn is not None:
        environment.setdefault("HEADRACE_JWT_SECRET", drawn.jwt)
        environment.setdefault("HEADRACE_SEALING_KEY", drawn.sealing_key)
    return Target(
        nats_url=state.nats_url,
        namespace=state.namespace,
        dsns=state.postgres_dsns,
        url=url or state.url,
        data_dir=data_dir if state.embedded else None,
        environment=environment,
    )


def _tell(area: str) -> None:
    if sys.stderr.isatty():
        print(f"looking at {area} …", file=sys.stderr, flush=True)


def _quiet(_: str) -> None:
    """JSON is asked for by programs."""
