"""`instances`, `logs` and `cancel`: runs."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

if TYPE_CHECKING:
    from headrace.client import Headrace

FOLLOW_SECONDS = 0.5

InstanceId = Annotated[str, typer.Argument(help="The run's id.", metavar="ID")]


def list_instances(
    status: Annotated[str | None, typer.Option(help="Only runs in this status, such as failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List your runs, newest first.

    Examples:

      headrace instances --status failed --limit 5
    """
    from headrace.progress import milliseconds

    with connect(data_dir, url, token, user) as client:
        found = list(islice(client.instances(status=status), limit))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for instance in found:
        took = milliseconds(float((instance.get("metrics") or {}).get("execution_time_ms") or 0))
        print(f"{instance['id']}  {instance['status']:<10} {instance['created_at']}  {took}")
    if not found:
        print("No runs yet: start one with `headrace run FILE.yaml`.")


def logs(
    instance_id: InstanceId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Show what happened in a run, oldest first.

    Examples:

      headrace logs 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --follow
    """
    with connect(data_dir, url, token, user) as client:
        for entry in _entries(client, instance_id, follow):
            print(json.dumps(entry) if as_json else _sentence(entry), flush=True)


def _entries(client: "Headrace", instance_id: str, follow: bool) -> Iterator[dict[str, Any]]:
    """What is logged so far, and with `follow` what is to come; the status is asked first, so nothing is missed."""
    from headrace.client import ENDED

    seen = 0
    while True:
        ended = not follow or client.instance(instance_id)["status"] in ENDED
        for entry in client.logs(instance_id, after=seen):
            seen = entry["seq"]
            yield entry
        if ended:
            return
        time.sleep(FOLLOW_SECONDS)


def _sentence(entry: dict[str, Any]) -> str:
    return f"{entry['time']}  {entry['level']:<5} {entry['message']}"


def cancel(
    instance_id: InstanceId,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """End a run before its time.

    Examples:

      headrace cancel 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client:
        answer = client.cancel(instance_id)
    print("cancelled" if answer["status"] == "cancelled" else "cancelling: its nodes are being told")
