"""An event loop whose time jumps from one appointment to the next, and the house's clock set to it."""

import asyncio
import random
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

from chassis import clock

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
"""When every history begins."""

ROUNDS = 20

T = TypeVar("T")


class NothingWillHappen(Exception):
    """Somebody waits, and nobody has an appointment: in the world outside it would wait for ever."""


class Jumping(selectors.SelectSelector):
    """Nothing outside ever becomes ready; to wait is to let the time pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Be there already."""
        if timeout is None:
            raise NothingWillHappen
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what asyncio runs, in the same order each time, and sleeps for no time at all."""

    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        """Virtual seconds since this loop was made."""
        return self.jumping.now


@contextmanager
def house_clock(loop: VirtualLoop) -> Iterator[None]:
    """Wall time and monotonic time of the code under test follow the loop."""
    wall = patch.object(clock, "now", lambda: NOON + timedelta(seconds=loop.time()))
    forward = patch.object(clock, "time", SimpleNamespace(monotonic=loop.time))
    with wall, forward:
        yield


def live(work: Coroutine[Any, Any, T]) -> T:
    """Run a whole history; whatever is still under way at its end is dropped."""
    loop, dice = VirtualLoop(), random.getstate()
    # Whoever loses a race pauses at random: in each history for the same time.
    random.seed(0)
    try:
        loop.set_exception_handler(lambda *_: None)
        with house_clock(loop):
            try:
                return loop.run_until_complete(work)
            finally:
                drop_the_rest(loop)
    finally:
        random.setstate(dice)
        loop.close()


def drop_the_rest(loop: VirtualLoop) -> None:
    """Cancel until nothing is left: what is cancelled may have begun something else."""
    for _ in range(ROUNDS):
        if not (left := asyncio.all_tasks(loop)):
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=1.0))
