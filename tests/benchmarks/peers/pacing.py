"""The half of a measurement that runs in a peer's own environment: the standard library, and JSON lines both ways."""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from tests.benchmarks.contender import Load

MISSING_SHOWN = 3


class Engine(Protocol):
    """A peer at work."""

    async def chain(self, steps: int) -> str:
        """Run one chain of so many steps to its end; answers by what name its storage knows the run."""
        ...

    async def recorded(self, runs: Sequence[str], steps: int) -> set[str]:
        """Those of the runs whose every step stands in the peer's own storage."""
        ...


def serve(opened: Callable[[Mapping[str, Any]], AbstractAsyncContextManager[Engine]]) -> None:
    """Open the engine with the settings of the first line; answer every later line, which is a load, until the end."""
    # Whatever a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    async def work() -> None:
        async with opened(json.loads(sys.stdin.readline())) as engine:
            say({"ready": True})
            while line := await asyncio.to_thread(sys.stdin.readline):
                say(await measured(engine, Load(**json.loads(line))))

    asyncio.run(work())


async def measured(engine: Engine, load: Load) -> dict[str, Any]:
    """The fields of an outcome; raises where a counted run has not left all its steps behind."""
    counted_from = time.perf_counter() + load.warm_up_seconds
    end = counted_from + load.seconds
    counted: dict[str, float] = {}

    async def lane() -> None:
        while (began := time.perf_counter()) < end:
            run = await engine.chain(load.steps)
            ended = time.perf_counter()
            if counted_from <= ended < end:
                counted[run] = 1000 * (ended - began)

    async def watch_cpu() -> float:
        await asyncio.sleep(counted_from - time.perf_counter())
        before = _cpu_seconds()
        await asyncio.sleep(end - time.perf_counter())
        return _cpu_seconds() - before

    cpu_seconds, *_ = await asyncio.gather(watch_cpu(), *(lane() for _ in range(load.in_flight)))
    await _require_recorded(engine, list(counted), load.steps)
    return {
        "runs": len(counted),
        "seconds": load.seconds,
        "latencies_ms": list(counted.values()),
        "client_cpu_seconds": cpu_seconds,
        "steps": load.steps,
    }


async def _require_recorded(engine: Engine, runs: Sequence[str], steps: int) -> None:
    missing = set(runs) - await engine.recorded(runs, steps)
    if missing:
        shown = ", ".join(sorted(missing)[:MISSING_SHOWN])
        raise RuntimeError(f"{len(missing)} of {len(runs)} counted runs left fewer than {steps} steps behind: {shown}")


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
