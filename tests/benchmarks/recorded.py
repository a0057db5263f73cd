"""What the execution service has recorded, read from its ledger past all services."""

from datetime import timedelta
from time import monotonic, sleep

from tests.benchmarks.stack import BenchStack

POLL_SECONDS = 0.5
"""Seldom, for every look reads what has been recorded since; what is told are the times of the facts."""
AT = "(convert_from(state, 'UTF8')::jsonb ->> 'timestamp')::timestamptz"
"""When a fact of the ledger happened."""


class Recorded:
    """The facts that were recorded after this was made."""

    def __init__(self, stack: BenchStack) -> None:
        """From now on."""
        self.stack = stack
        self.head = int(stack.rows("SELECT coalesce(max(notification_id), 0) FROM execution.events")[0][0])

    def count(self, topic: str) -> int:
        """How many facts of one kind there are."""
        counted = "SELECT count(*) FROM execution.events WHERE notification_id > %s AND topic = %s"
        return int(self.stack.rows(counted, self.head, topic)[0][0])

    def wait_for(self, topic: str, count: int, patience_seconds: float) -> int:
        """Wait until there are so many facts of one kind, or patience is over; answers how many there are."""
        deadline = monotonic() + patience_seconds
        while (found := self.count(topic)) < count and monotonic() < deadline:
            sleep(POLL_SECONDS)
        return found

    def last(self, topic: str) -> float:
        """When the last fact of one kind happened (Unix time)."""
        latest = f"SELECT extract(epoch FROM max({AT})) FROM execution.events WHERE notification_id > %s AND topic = %s"
        return float(self.stack.rows(latest, self.head, topic)[0][0])


def makespan_seconds(stack: BenchStack, instance_id: str) -> float:
    """From the first fact of an instance to its last."""
    span = f"SELECT max({AT}) - min({AT}) FROM execution.events WHERE originator_id = %s"
    taken: timedelta = stack.rows(span, instance_id)[0][0]
    return taken.total_seconds()
