"""Run a blueprint and show it: progress while it goes on, the outcome when it has ended."""

import json
from collections.abc import Mapping
from typing import Any, TextIO

from headrace.client import Headrace, JsonObject
from headrace.errors import Complaint, Unreachable
from headrace.progress import RunPicture, summary
from headrace.terminal import follow, screen

WAIT_SECONDS = 24 * 3600.0
"""How long a run is waited for after its stream broke off; Ctrl-C leaves it running."""


def watch(client: Headrace, blueprint_id: str, given: Any, *, quiet: bool, out: TextIO) -> JsonObject:
    """Start a run, show its progress on `out` (unless quiet), and return the instance as it ended."""
    picture = RunPicture()
    try:
        lines = client.stream(blueprint_id, given)
        if quiet:
            for line in lines:
                picture.tell(line)
        else:
            with screen(out) as shown:
                follow(lines, shown, picture)
    except Unreachable:
        # The run does not depend on who watches it; ask for its end instead, if it is known which run it is.
        if picture.instance_id is None:
            raise
    instance = _ended(client, picture.instance_id)
    if not quiet:
        tell_outcome(instance, out)
    return instance


def _ended(client: Headrace, instance_id: str | None) -> JsonObject:
    if instance_id is None:
        raise Complaint("The stream ended before it named its run: look for it with `headrace instances`.")
    try:
        return client.wait(instance_id, WAIT_SECONDS)
    except Unreachable as error:
        raise Complaint(
            f"The stack went away. Run {instance_id} goes on when it is back: `headrace logs {instance_id} --follow`."
        ) from error


def tell_outcome(instance: Mapping[str, Any], out: TextIO) -> None:
    """Output or error, then what the run took and cost."""
    if instance["status"] == "completed":
        print(f"  output  {json.dumps(instance['output'], ensure_ascii=False)}", file=out)
    elif instance.get("error"):
        error = instance["error"]
        where = f" at {error['node_id']}" if error.get("node_id") else ""
        print(f"  error{where}  {error['message']} ({error['type']}, {error['code']})", file=out)
    print(f"  {summary(instance)}", file=out, flush=True)


def execution_of(instance: Mapping[str, Any]) -> JsonObject:
    """The instance in the shape in which `execute` answers."""
    members = ("status", "output", "metrics", "error")
    return {"instance_id": instance["id"], **{name: instance[name] for name in members}}
