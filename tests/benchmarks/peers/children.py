"""The processes of a peer: each dies with us, says what it has to say in a log, and is gone after its time."""

import json
import os
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headrace.processes import birth
from tests.benchmarks.contender import Load, Outcome
from tests.benchmarks.peers.environments import ROOT

START_SECONDS = 90.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.05
DRAIN_SECONDS = 300.0
"""How long a peer may take for what is still in flight when the counted time is over, and to look up what it kept."""
LOG_TAIL_CHARACTERS = 4_000


@dataclass(frozen=True)
class Child:
    """A process that was started, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def trouble(self, what: str) -> RuntimeError:
        """An error that shows the end of the log."""
        return RuntimeError(f"{what}; the end of its log:\n{self.log.read_text()[-LOG_TAIL_CHARACTERS:]}")


@contextmanager
def child(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], *, answers: bool = False
) -> Iterator[Child]:
    """Run a command in `folder`, ended with all its own children; its output is its log, or what it `answers`."""
    log = folder / f"{len(list(folder.glob('*.log')))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if answers else subprocess.DEVNULL,
            stdout=subprocess.PIPE if answers else output,
            stderr=output,
            cwd=folder,
            env=_bare_environment(folder) | dict(environment),
            start_new_session=True,
            # Not SIGKILL: servers that have workers end them when they are told to end.
            preexec_fn=birth(signal.SIGTERM),  # noqa: PLW1509 - benchmarks start no threads
        )
    try:
        yield Child(process, log)
    finally:
        _end(process)


def wait_for_http(server: Child, url: str) -> None:
    """Return when the URL answers well; raise when its server has died or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(POLL_SECONDS)
    raise server.trouble(f"Nothing answered at {url}")


class Program:
    """The program of a peer, in the peer's own environment: it is told a load, and answers an outcome."""

    def __init__(self, running: Child, settings: Mapping[str, Any]) -> None:
        self._running = running
        self._ask(settings, START_SECONDS)

    def run(self, load: Load) -> Outcome:
        """Put the load on the peer."""
        answer = self._ask(asdict(load), load.warm_up_seconds + load.seconds + DRAIN_SECONDS)
        return Outcome(**answer)

    def _ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        process = self._running.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        # One question, one line: nothing of an earlier answer can be waiting in the buffer.
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if ready else b""
        if not line:
            raise self._running.trouble("The program gave no answer")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _bare_environment(folder: Path) -> dict[str, str]:
    """Nothing of ours leaks in: no proxies, no accounts, no settings of the same product used elsewhere."""
    path = os.environ["PATH"]
    return {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "DO_NOT_TRACK": "1"}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
