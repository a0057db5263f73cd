"""Twenty hours' worth of one service's model requests in an hour: the recorded trace, twenty times as fast."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.benchmarks.contender import percentile
from tests.benchmarks.fake_provider import fake_provider
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.recorded import Recorded
from tests.benchmarks.shared_data import SHARED, not_run
from tests.benchmarks.stack import POLL_SECONDS, BenchStack
from tests.support.blueprints import chain, step

TRACE = SHARED / "llm-trace" / "conversation.csv"
SPEED = 20.0
REQUESTS = 0
"""How many of the trace, 0 for all."""
PROVIDER_SECONDS = 0.05
BACKLOG_BAR_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
WARM_UP_RUNS = 20
"""The first model node of a process loads the provider's SDK."""
ASK = step(
    "answer", "model", provider="openai", model="m", stream=False, prompt="${ input.prompt } ${ input.completion }"
)
WORK = f"LLM trace at {SPEED:g} ×"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the trace."""

    seconds: float
    """After the first, at the speed of the replay."""
    prompt: int
    completion: int

    @property
    def body(self) -> str:
        """What is asked of the gateway."""
        return f'{{"input": {{"prompt": {self.prompt}, "completion": {self.completion}}}}}'


def measure(folder: Path) -> Sequence[Figure]:
    """Replay the trace, then count in the product's own analytics."""
    if not TRACE.exists():
        return [not_run(WORK, TRACE)]
    trace = read(TRACE)[: REQUESTS or None]
    with fake_provider(PROVIDER_SECONDS) as url, BenchStack(folder, HEADRACE_OPENAI_BASE_URL=url) as stack:
        _warm_up(stack)
        blueprint = stack.create(chain(ASK, name="conversation"))
        recorded = Recorded(stack)
        say("llm_trace", f"{len(trace):,} requests in {trace[-1].seconds:.0f} s")
        seen = stack.load(
            f"/blueprints/{blueprint}/execute",
            body="",
            bodies=tuple(asked.body for asked in trace),
            due_seconds=tuple(asked.seconds for asked in trace),
            seconds=trace[-1].seconds,
            expect=('"status":"completed"',),
        )
        backlog = recorded.last("InstanceCompleted") - seen.began_at - trace[-1].seconds - PROVIDER_SECONDS
        say("llm_trace", "counting tokens")
        counted = _analytics(stack, blueprint, len(trace))
    return [_backlog(trace, backlog, seen.latencies_ms), *_totals(trace, counted)]


def read(path: Path) -> Sequence[Asked]:
    """The trace in the order of its times."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Python reads six digits of a second's fraction, the trace has seven.
    moments = [datetime.fromisoformat(row["TIMESTAMP"][:26]) for row in rows]
    return [
        Asked((moment - moments[0]).total_seconds() / SPEED, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
        for moment, row in zip(moments, rows, strict=True)
    ]


def _warm_up(stack: BenchStack) -> None:
    blueprint = stack.create(chain(ASK, name="warm up"))
    body = Asked(0.0, 1, 1).body
    stack.load(f"/blueprints/{blueprint}/execute", body=body, in_flight=1, most=WARM_UP_RUNS, seconds=PATIENCE_SECONDS)


def _analytics(stack: BenchStack, blueprint: str, runs: int) -> Any:
    """What the product has counted, once it has counted every run or patience is over."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        counted = stack.ask("GET", f"/blueprints/{blueprint}/analytics")
        if counted["executions"]["total"] >= runs or monotonic() > deadline:
            return counted
        sleep(POLL_SECONDS)


def _backlog(trace: Sequence[Asked], backlog: float, latencies_ms: Sequence[float]) -> Figure:
    own = [latency - PROVIDER_SECONDS * 1000 for latency in latencies_ms]
    return Figure(
        f"{WORK}, {len(trace):,} requests to a model that takes {PROVIDER_SECONDS * 1000:g} ms: backlog at the end",
        f"{backlog:.2f} s",
        f"≤ {BACKLOG_BAR_SECONDS:g} s",
        "",
        judged(backlog, BACKLOG_BAR_SECONDS),
        f"{len(trace) / trace[-1].seconds:.0f} requests/s; ours of the latency "
        f"p50 {percentile(own, 0.5):.1f} ms, p99 {percentile(own, 0.99):.0f} ms",
    )


def _totals(trace: Sequence[Asked], counted: Any) -> Sequence[Figure]:
    told = {
        "prompt": (sum(asked.prompt for asked in trace), counted["tokens"]["prompt"]),
        "completion": (sum(asked.completion for asked in trace), counted["tokens"]["completion"]),
    }
    return [
        Figure(
            f"{WORK}: {kind} tokens in the analytics",
            f"{found:,}",
            f"{expected:,}",
            "",
            "goal" if found == expected else "missed",
            f"of {counted['executions']['total']:,} runs, {counted['executions']['completed']:,} completed",
        )
        for kind, (expected, found) in told.items()
    ]
