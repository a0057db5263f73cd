"""Every ready node at once, up to a limit."""

from collections.abc import Collection, Sequence
from itertools import islice

from execution.domain.visits import Visit


class Parallel:
    """Begins whatever is ready while fewer than `limit` are in flight."""

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """The visits that have been ready longest, as many as there is room for."""
        return tuple(islice(ready, max(0, limit - in_flight)))
