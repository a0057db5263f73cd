"""Run a blueprint and show it: progress while it goes on, the outcome when it has ended."""

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

from headrace.answering import Answering
from headrace.client import Headrace
from headrace.connection import JsonObject
from headrace.errors import Complaint, HeadraceError, LeftRunning, Unreachable
from headrace.following import entries
from headrace.progress import RunPicture, summary
from headrace.terminal import QuietScreen, Screen, follow, screen

PATIENCE_SECONDS = 15.0
"""How long a gateway that went away may take to come back; a supervised one takes two."""
SETTLE_SECONDS = 60.0
"""How long the read model may take to show the end that the stream told."""


def watch(
    client: Headrace, blueprint_id: str, given: Any, out: TextIO | None, answering: Answering | None = None
) -> JsonObject:
    """Start a run, show its progress on `out` (None: say only what calls for somebody), return it as it ended."""
    picture = RunPicture()
    answering = answering or Answering(client)
    try:
        with _screen(out) as shown:
            try:
                follow(client.stream(blueprint_id, given), shown, picture, answering.react)
            except Unreachable:
                if picture.instance_id is None:
                    raise
            if not picture.ended:
                _follow_log(client, shown, picture, answering)
            for sentence in answering.unused():
                shown.say(sentence)
        instance = client.wait(str(picture.instance_id), SETTLE_SECONDS)
    except KeyboardInterrupt:
        raise LeftRunning(picture.instance_id) from None
    if out is not None:
        tell_outcome(instance, out, compensated=picture.compensated)
    return instance


def _screen(out: TextIO | None) -> AbstractContextManager[Screen]:
    return nullcontext(QuietScreen(sys.stderr)) if out is None else screen(out)


def _follow_log(client: Headrace, shown: Screen, picture: RunPicture, answering: Answering) -> None:
    """The rest of a run whose stream broke off: it does not depend on who watches it."""
    instance_id = picture.instance_id
    if instance_id is None:
        raise Complaint("The stream ended before it named its run: look for it with `headrace instances`.")
    lines = entries(client, instance_id, after=picture.seq, patience_seconds=PATIENCE_SECONDS)
    try:
        follow(lines, shown, picture, answering.react)
    except HeadraceError as error:
        if not error.passing:
            raise
        raise Complaint(
            f"The stack went away. Run {instance_id} goes on when it is back: `headrace logs {instance_id} --follow`."
        ) from error


def tell_outcome(instance: Mapping[str, Any], out: TextIO, *, compensated: bool = False) -> None:
    """Output or error, what can be done about it, then what the run took and cost."""
    if instance["status"] == "completed":
        print(f"  output  {json.dumps(instance['output'], ensure_ascii=False)}", file=out)
    elif instance.get("error"):
        error = instance["error"]
        where = f" at {error['node_id']}" if error.get("node_id") else ""
        print(f"  error{where}  {error['message']} ({error['type']}, {error['code']})", file=out)
        if not compensated:
            print(f"  headrace retry {instance['id']}  lets it go on from there", file=out)
    print(f"  {summary(instance)}", file=out, flush=True)


def execution_of(instance: Mapping[str, Any]) -> JsonObject:
    """The instance in the shape in which `execute` answers."""
    members = ("status", "output", "metrics", "error")
    return {"instance_id": instance["id"], **{name: instance[name] for name in members}}
