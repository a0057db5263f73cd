"""Running other processes in slices, so that they can be killed between two of their own steps, from outside."""

import os
import signal
import threading
import time
from collections.abc import Sequence

import psycopg

SLICE_SECONDS = 0.0001
"""How long they may run before they are looked at again."""
LONGEST_SECONDS = 20.0


class Stepping:
    """Stops processes again and again; kills them at the first stop at which something is in Postgres.

    What they do between the commit of that and their next step, they never do.
    """

    def __init__(self, dsn: str, query: str, *values: object) -> None:
        """`query` answers one boolean: whether the moment has come."""
        self._dsn = dsn
        self._question = (query, values)
        self._thread: threading.Thread | None = None
        self.killed_at = 0.0
        """When they were killed (monotonic), 0 before."""

    def start(self, *pids: int) -> None:
        """Begin, beside the running test."""
        self._thread = threading.Thread(target=self._run, args=(pids,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Return when they have been killed; raises `AssertionError` when the moment never came."""
        if self._thread is not None:
            self._thread.join(LONGEST_SECONDS)
        assert self.killed_at, "what was waited for never came"

    def _run(self, pids: Sequence[int]) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            deadline = time.monotonic() + LONGEST_SECONDS
            while time.monotonic() < deadline:
                _send(signal.SIGSTOP, pids)
                row = connection.execute(*self._question).fetchone()
                if row is not None and row[0]:
                    _send(signal.SIGKILL, pids)
                    self.killed_at = time.monotonic()
                    return
                _send(signal.SIGCONT, pids)
                time.sleep(SLICE_SECONDS)


def _send(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, number)
