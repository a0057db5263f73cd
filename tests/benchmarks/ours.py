"""Headrace itself as a contender: the embedded stack with all services, asked synchronously over HTTP."""

from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.contender import Load, Outcome
from tests.benchmarks.stack import BenchStack, chain_of_steps

COMPLETED = '"status":"completed"'


class Headrace:
    """The product as `headrace up` starts it."""

    name = "Headrace"

    def __init__(self, stack: BenchStack | None = None) -> None:
        """On a stack that runs already, or on one that `start` is yet to start."""
        self.stack = stack
        self.blueprints: dict[int, str] = {}

    def prepare(self, cache: Path) -> str:
        """It is here already."""
        return version("headrace")

    def start(self, folder: Path) -> None:
        """The whole stack, with data in the folder."""
        self.stack = BenchStack(folder)
        self.blueprints = {}

    def run(self, load: Load) -> Outcome:
        """Chains of tool nodes, each run asked for and answered over HTTP."""
        assert self.stack is not None
        if load.steps not in self.blueprints:
            self.blueprints[load.steps] = self.stack.create(chain_of_steps(load.steps))
        seen = self.stack.load(
            f"/blueprints/{self.blueprints[load.steps]}/execute",
            body='{"input": {}}',
            expect=(COMPLETED,),
            in_flight=load.in_flight,
            seconds=load.seconds,
            warm_up_seconds=load.warm_up_seconds,
        )
        return Outcome(len(seen.latencies_ms), seen.seconds, seen.latencies_ms, seen.cpu_seconds, load.steps)

    def stop(self) -> None:
        """Stop all of it."""
        if self.stack is not None:
            self.stack.stop()
            self.stack = None
