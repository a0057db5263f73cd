"""What an executor is: given the ready visits and how many are in flight, which to begin now."""

from collections.abc import Collection, Sequence
from typing import Protocol

from execution.visits import Visit


class Executor(Protocol):
    """Chooses; keeps no state, so that a run can go on in another process."""

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """The visits to begin now, at most `limit - in_flight`; empty to wait for one in flight."""
        ...
