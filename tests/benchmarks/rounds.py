"""Contenders in alternation: each has its turn in every round, so that the machine's moods meet all of them alike."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from tests.benchmarks.bare import Bare
from tests.benchmarks.contender import Contender, Load, Outcome
from tests.benchmarks.ours import Headrace
from tests.benchmarks.progress import say

OUTSIDE = Path("/tmp")  # noqa: S108 - the path of a unix socket must be short


@dataclass
class Results:
    """What one contender did, round after round; `alone` with one run in flight, `loaded` with many."""

    name: str
    version: str
    in_flight: int
    loaded: list[Outcome] = field(default_factory=list)
    alone: list[Outcome] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Durable steps a second under load, the median of the rounds."""
        return median(outcome.steps_per_second for outcome in self.loaded)

    def alone_ms(self, share: float) -> float:
        """The latency of one run with nothing beside it, the median of the rounds."""
        return median(outcome.latency_ms(share) for outcome in self.alone)

    def loaded_ms(self, share: float) -> float:
        """The latency of a run among many."""
        return median(outcome.latency_ms(share) for outcome in self.loaded)

    @property
    def client_cores(self) -> float:
        """Processors that the asking process took under load."""
        return median(outcome.client_cpu_seconds / outcome.seconds for outcome in self.loaded)


@dataclass(frozen=True)
class Plan:
    """How long each turn lasts, in seconds, and how many rounds there are."""

    rounds: int
    loaded_seconds: float
    alone_seconds: float = 0.0
    warm_up_seconds: float = 3.0


def alternate(contenders: Sequence[Contender], plan: Plan, in_flight: dict[str, int], cache: Path) -> list[Results]:
    """Let each run in every round; nobody else's servers are up meanwhile."""
    results = [Results(contender.name, contender.prepare(cache), in_flight[contender.name]) for contender in contenders]
    for number in range(1, plan.rounds + 1):
        for contender, result in zip(contenders, results, strict=True):
            say("rounds", f"round {number} of {plan.rounds}: {contender.name}")
            _take_turn(contender, plan, result)
    return results


def _take_turn(contender: Contender, plan: Plan, result: Results) -> None:
    folder = Path(mkdtemp(prefix="hb-", dir=OUTSIDE))
    (data := folder / "data").mkdir()
    try:
        contender.start(data)
        result.loaded.append(contender.run(Load(result.in_flight, plan.loaded_seconds, plan.warm_up_seconds)))
        if plan.alone_seconds:
            result.alone.append(contender.run(Load(1, plan.alone_seconds, min(plan.warm_up_seconds, 2.0))))
    finally:
        contender.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ours_and_bare() -> tuple[Headrace, Bare]:
    """The product, and the limit with a real run of the product to replay."""
    ours, bare = Headrace(), Bare()
    folder = Path(mkdtemp(prefix="hb-", dir=OUTSIDE))
    try:
        ours.start(folder / "data")
        assert ours.stack is not None
        bare.record(ours.stack)
    finally:
        ours.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return ours, bare
