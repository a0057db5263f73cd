"""`headrace up`: one stack from start to stop, driven by signals."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

from headrace.data_dir import held
from headrace.embedded.binaries import free_port
from headrace.errors import Complaint
from headrace.stack import Stack, StackOptions

INTERRUPTED = 130


def run_stack(data_dir: Path, port: int, workers: int, tools: Path | None, production: bool) -> None:
    """Start, announce, wait for SIGINT or SIGTERM, stop. A second signal ends everything at once."""
    with held(data_dir):
        _warn(f"starting on {data_dir}")
        options = StackOptions(data_dir.resolve(), _usable(port), workers, tools, production)
        asyncio.run(_run(Stack(options, _warn), options))


async def _run(stack: Stack, options: StackOptions) -> None:
    begun = time.monotonic()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _asked_to_stop, stopping)
    waiting = asyncio.create_task(stopping.wait())
    work = asyncio.create_task(stack.start())
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            _announce(options, time.monotonic() - begun)
            work = asyncio.create_task(stack.watch())
            await waiting
        _warn("stopping")
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await stack.stop()


def _asked_to_stop(stopping: asyncio.Event) -> None:
    if stopping.is_set():
        # The kernel ends the children of a supervisor that goes this way.
        os._exit(INTERRUPTED)
    stopping.set()


def _announce(options: StackOptions, seconds: float) -> None:
    print(
        f"ready  {options.url}  (in {seconds:.1f} s; docs at {options.url}/docs; "
        f"a token: headrace token --user you{_elsewhere(options.data_dir)})",
        flush=True,
    )


def _elsewhere(data_dir: Path) -> str:
    return "" if data_dir == Path(".headrace").resolve() else f" --data-dir {data_dir}"


def _warn(sentence: str) -> None:
    print(f"headrace: {sentence}", file=sys.stderr, flush=True)


def _usable(port: int) -> int:
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Complaint(
                f"Port {port} cannot be used ({error.strerror}): choose another with --port, "
                "or stop the program that listens there."
            ) from error
    return port
