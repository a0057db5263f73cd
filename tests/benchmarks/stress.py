"""Raise the load until something gives: the knee, what gave first, and that nothing is lost and all is well afterwards.

Synchronous runs of five steps, twice as many in flight from one step to the next. Writes docs/stress.md.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from tests.benchmarks.client import Order, Seen
from tests.benchmarks.contender import STEPS, percentile
from tests.benchmarks.ours import COMPLETED
from tests.benchmarks.progress import say
from tests.benchmarks.stack import API, BenchStack, carry_out, chain_of_steps

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "stress.md"
OUTSIDE = "/tmp"  # noqa: S108 - the path of a unix socket must be short
FIRST, LAST = 16, 8_192
SECONDS = 10.0
GROWTH = 1.05
"""Twice the load that brings less than 5 % more is behind the knee."""
RECOVERY_SECONDS = 30.0
UNENDED = """
SELECT count(*) FROM (
    SELECT originator_id FROM execution.events GROUP BY originator_id
    HAVING bool_or(topic = 'InstanceRequested') AND NOT bool_or(topic IN ('InstanceCompleted', 'InstanceFailed'))
) AS unended
"""


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the ladder."""

    in_flight: int
    rate: float
    p50_ms: float
    p99_ms: float
    refused: int
    cores: Mapping[str, float]
    rss_mb: Mapping[str, float]

    @property
    def busiest(self) -> str:
        """The process that had least to spare."""
        name = max(self.cores, key=lambda process: self.cores[process])
        return f"{name} ({self.cores[name]:.2f} cores)"

    def row(self) -> str:
        """As a line of the table."""
        return (
            f"| {self.in_flight:,} | {self.rate:,.0f} | {self.p50_ms:,.0f} / {self.p99_ms:,.0f} | {self.refused:,} "
            f"| {self.busiest} | {sum(self.cores.values()):.2f} | {max(self.rss_mb.values()):.0f} |"
        )


class Ladder:
    """A stack under a load that doubles."""

    def __init__(self, stack: BenchStack) -> None:
        """`stack` is fresh."""
        self.stack = stack
        self.blueprint = stack.create(chain_of_steps(STEPS))

    def climb(self, in_flight: int) -> Level:
        """One level, with what each process took meanwhile; refusals are answers too."""
        before = self._seconds()
        began = time.monotonic()
        seen = self.load(in_flight)
        took = time.monotonic() - began
        cores = {name: (spent - before[name]) / took for name, spent in self._seconds().items() if name in before}
        rss = {name: process.memory_info().rss / 1024**2 for name, process in self.stack.processes().items()}
        half, most = (percentile(seen.latencies_ms, share) for share in (0.5, 0.99))
        return Level(in_flight, len(seen.latencies_ms) * STEPS / SECONDS, half, most, seen.refused, cores, rss)

    def load(self, in_flight: int) -> Seen:
        """So many synchronous runs at all times."""
        order = Order(
            url=self.stack.url,
            path=f"{API}/blueprints/{self.blueprint}/execute",
            token=self.stack.token,
            body='{"input": {}}',
            expect=(COMPLETED,),
            in_flight=in_flight,
            seconds=SECONDS,
        )
        return carry_out(order)

    def unended(self) -> int:
        """Accepted runs that have not ended."""
        with psycopg.connect(self.stack.superuser_dsn) as ledger:
            return int((ledger.execute(UNENDED).fetchone() or (0,))[0])

    def _seconds(self) -> dict[str, float]:
        return {name: sum(process.cpu_times()[:4]) for name, process in self.stack.processes().items()}


def main() -> int:
    """Climb, let go, look what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--last", type=int, default=LAST, help=f"runs in flight to stop at (default: {LAST:,})")
    last = parser.parse_args().last
    folder = Path(mkdtemp(prefix="hb-", dir=OUTSIDE))
    stack = BenchStack(folder / "data")
    try:
        text, is_well = report(Ladder(stack), last)
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    DOCUMENT.write_text(text)
    return 0 if is_well else 1


def report(ladder: Ladder, last: int) -> tuple[str, bool]:
    """What was seen on the way up and after it, and whether all was well."""
    ladder.climb(FIRST)
    levels: list[Level] = []
    in_flight = FIRST
    while in_flight <= last:
        levels.append(ladder.climb(in_flight))
        say("stress", levels[-1].row())
        in_flight *= 2
    knee = next((low for low, high in pairwise(levels) if high.rate < low.rate * GROWTH), levels[-1])
    left, waited = drained(ladder)
    after = ladder.climb(knee.in_flight)
    is_back = after.rate >= knee.rate / 1.2
    lines = "\n".join(level.row() for level in levels)
    gave = f"{knee.busiest}; all together {sum(knee.cores.values()):.2f} cores"
    text = f"""# Under stress

Written by `./task bench:stress`: synchronous runs of {STEPS} durable steps, twice as many in flight each time,
{SECONDS:.0f} s each. Refused are answers other than a completed run (429 and 503 say when to come back).

| in flight | steps/s | p50 / p99 ms | refused | busiest process | cores of all | largest RSS, MB |
|--:|--:|--:|--:|---|--:|--:|
{lines}

- **The knee** is at {knee.in_flight:,} in flight: {knee.rate:,.0f} steps/s. What gave first: {gave}.
- **Afterwards** {left:,} accepted runs had not ended after {waited:.0f} s.
- **Back at the knee's load**: {after.rate:,.0f} steps/s, p50 {after.p50_ms:,.0f} ms.
"""
    return text, left == 0 and is_back


def drained(ladder: Ladder) -> tuple[int, float]:
    """How many runs are left when nothing is asked for any more, and after how long."""
    began = time.monotonic()
    while (left := ladder.unended()) and time.monotonic() - began < RECOVERY_SECONDS:
        time.sleep(0.5)
    return left, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
