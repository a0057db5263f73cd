"""A run's log, read to its end while the run goes on."""

import time
from collections.abc import Iterator

from headrace.client import ENDED, Headrace
from headrace.connection import JsonObject
from headrace.errors import HeadraceError

FOLLOW_SECONDS = 0.5
"""How often more is asked for."""


def entries(
    client: Headrace, instance_id: str, *, after: int = 0, follow: bool = True, patience_seconds: float = 0.0
) -> Iterator[JsonObject]:
    """What is logged after a seq, and with `follow` what is to come until the run has ended.

    A gateway that answers no more, or has nobody behind it, is given `patience_seconds` to come back. The status is
    asked before the log, so that nothing is missed.
    """
    seen, heard_at = after, time.monotonic()
    while True:
        try:
            ended = not follow or client.instance(instance_id)["status"] in ENDED
            for entry in client.logs(instance_id, after=seen):
                seen = entry["seq"]
                yield entry
            heard_at = time.monotonic()
        except HeadraceError as away:
            if not away.passing or time.monotonic() - heard_at >= patience_seconds:
                raise
            ended = False
        if ended:
            return
        time.sleep(FOLLOW_SECONDS)
