"""Keep a child process running: start it, start it again when it dies, stop it when asked."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.processes import Identity, birth, exited

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 30.0
SPARE_DELAY_SECONDS = 0.5
"""The spare that became the program gets so much of a head start on the next one."""
LOG_BYTES_MAX = 20 * 1024 * 1024
LOG_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Program:
    """What is run and how: `stop_signal` asks it to end, `orphan_signal` reaches it when the supervisor is killed.

    `waiting` is a command that gets ready and becomes the program at the first line on its stdin; see `start`.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    waiting: tuple[str, ...] | None = None
    spare: bool = False
    """Whether another one waits beside it, so that its death is over in a moment. Needs `waiting`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    identity: Identity | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL


@dataclass
class Backoff:
    """How long to wait before the next restart: the first is immediate, health makes the next one first again."""

    deaths: int = 0

    def after(self, ran_seconds: float) -> float:
        """Seconds to wait now that the process died after `ran_seconds`."""
        self.deaths = 1 if ran_seconds >= HEALTHY_AFTER_SECONDS else self.deaths + 1
        if self.deaths == 1:
            return 0.0
        return float(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (self.deaths - 2)))


class Supervised:
    """One program, kept running until `stop`. `report` hears one sentence for every death."""

    def __init__(self, program: Program, report: Callable[[str], None]) -> None:
        """Nothing runs before `start`."""
        self.program = program
        self.restarts = 0
        self._report = report
        self._backoff = Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._spare: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process that runs now, or None between death and restart."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def warm_up(self) -> None:
        """Start the program's `waiting` command, so that `start` finds it ready to go."""
        if self.program.waiting is not None:
            self._process = self._spawn(self.program.waiting, stdin=subprocess.PIPE)

    def keep_spare(self) -> None:
        """Let a spare get ready, where the program wants one."""
        if self.program.spare and self.program.waiting is not None:
            self._spare = self._spawn(self.program.waiting, stdin=subprocess.PIPE)

    def start(self) -> None:
        """Start the program, or let the one that was warmed up go, and keep it running."""
        if self._process is None:
            self._process = self._spawn(self.program.command)
        else:
            _let_go(self._process)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def stop(self, patience_seconds: float) -> None:
        """Ask the program to end; kill it when it has not after `patience_seconds`."""
        self._stopping = True
        await self._dismiss_spare()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.program.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(exited(self._process), patience_seconds)
        if self._process.poll() is None:
            self._report(f"{self.program.name} did not stop within {patience_seconds:g} s: killed")
            self._process.kill()
            await exited(self._process)
        if self._keeper is not None:
            self._keeper.cancel()

    def last_words(self) -> str:
        """The last line of the program's log."""
        try:
            with self.program.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        except FileNotFoundError:
            lines = []
        return lines[-1].strip() if lines else "nothing in its log"

    async def _dismiss_spare(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
        if self._spare is not None:
            self._spare.kill()
            await exited(self._spare)

    def _spawn(self, command: tuple[str, ...], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        program = self.program
        if program.log.exists() and program.log.stat().st_size > LOG_BYTES_MAX:
            program.log.replace(program.log.with_suffix(".log.1"))
        descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=program.directory,
                env={**os.environ, **program.environment},
                # A Ctrl-C at the terminal is for the supervisor, which ends its children in order.
                start_new_session=True,
                preexec_fn=birth(program.orphan_signal, program.identity),  # noqa: PLW1509 - no threads here
            )

    async def _keep(self) -> None:
        while self._process is not None:
            started = time.monotonic()
            status = await exited(self._process)
            if self._stopping:
                return
            delay = self._backoff.after(time.monotonic() - started)
            self._report(f"{self.program.name} {_ending(status)}: {_again(delay)}; its log: {self.program.log}")
            await asyncio.sleep(delay)
            self.restarts += 1
            self._replace()

    def _replace(self) -> None:
        """Let the spare take the place of the dead one, else start a new one."""
        if self._spare is None:
            self._process = self._spawn(self.program.command)
            return
        self._process, self._spare = self._spare, None
        _let_go(self._process)
        self._preparing = asyncio.create_task(self._prepare(), name=f"spare {self.program.name}")

    async def _prepare(self) -> None:
        await asyncio.sleep(SPARE_DELAY_SECONDS)
        self.keep_spare()


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Tell a waiting process to become its program; one that runs already needs no telling."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(b"go\n")


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"exited with status {status}"


def _again(delay: float) -> str:
    return "started again" if delay == 0 else f"started again in {delay:g} s"
