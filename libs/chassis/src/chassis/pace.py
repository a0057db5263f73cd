"""Pauses between batches that grow while there is much to do, so that what comes one by one is gathered."""

import asyncio
from contextlib import suppress

from chassis.clock import monotonic

WORTHWHILE = 250
"""Facts of a batch that is large enough: more of them have come already."""


class Pace:
    """The first after a rest is not held up at all; each pause after it is twice as long, up to the last."""

    def __init__(self, first_seconds: float, last_seconds: float) -> None:
        """Pauses are counted from the beginning of the batch before."""
        self._first, self._last = first_seconds, last_seconds
        self._pause = first_seconds
        self._due = 0.0

    async def keep(self, hurry: asyncio.Event | None = None) -> None:
        """Wait until the pause is over, or `hurry` is set; the next one is longer if this one had to be waited for."""
        left = self._due - monotonic()
        self._pause = min(2 * self._pause, self._last) if left > 0 else self._first
        if hurry is None:
            await asyncio.sleep(max(0.0, left))
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), max(0.0, left))
        self._due = monotonic() + self._pause

    def skip(self) -> None:
        """The batch is large enough: the next one need not wait."""
        self._due = 0.0
