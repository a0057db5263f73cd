"""One node after the other, in the order they became ready."""

from collections.abc import Collection, Sequence

from execution.domain.visits import Visit


class Sequential:
    """Begins the next node when nothing is in flight."""

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """The visit that has been ready longest, alone."""
        return () if in_flight or not ready else (next(iter(ready)),)
