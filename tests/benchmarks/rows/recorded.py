"""What the old system was once seen to take for a chat, beside what a run of one model node takes here.

Its figures are recorded ones (contract, 6.2: another time, two cores of another machine): they are told, not judged.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.client import Seen
from tests.benchmarks.contender import percentile
from tests.benchmarks.fake_provider import fake_provider
from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.rows.llm_trace import ASK
from tests.benchmarks.rows.statements import cost_of, log_statements
from tests.benchmarks.stack import BenchStack
from tests.support.blueprints import chain

RUNS, WARM_UP_RUNS = 500, 100
PATIENCE_SECONDS = 120.0
MEGABYTE = 1_000_000
BODY = '{"input": {"prompt": 374, "completion": 44}}'
OLD: Mapping[str, str] = {"statements": "22", "p50": "100 ms", "memory": "261 MB"}
"""Of `execute/chat` on the old main line; one process, and a model that answers at once."""


def measure(folder: Path) -> Sequence[Figure]:
    """One run at a time, against a model that answers at once."""
    with fake_provider(0.0) as url, BenchStack(folder, HEADRACE_OPENAI_BASE_URL=url) as stack:
        blueprint = stack.create(chain(ASK, name="chat"))
        _ask(stack, blueprint, WARM_UP_RUNS)
        say("recorded", f"{RUNS:,} runs")
        p50 = percentile(_ask(stack, blueprint, RUNS).latencies_ms, 0.5)
        memory = {name: process.memory_info().rss / MEGABYTE for name, process in stack.processes().items()}
        services = {name: size for name, size in memory.items() if name not in ("postgres", "nats")}
        say("recorded", f"{RUNS:,} runs, each statement logged")
        log_statements(stack)
        cost = cost_of(stack, RUNS, partial(_ask, stack, blueprint, RUNS))
    each = ", ".join(f"{name} {size:.0f} MB" for name, size in services.items())
    total = f"{sum(services.values()):.0f} MB"
    return [
        _beside("statements of all services", f"{cost.per_run:.1f}", "statements"),
        _beside("p50 over HTTP, one at a time", f"{p50:.1f} ms", "p50"),
        _beside("resident memory of all services, the provider's SDK loaded", total, "memory", each),
    ]


def _ask(stack: BenchStack, blueprint: str, runs: int) -> Seen:
    expect = ('"status":"completed"',)
    path = f"/blueprints/{blueprint}/execute"
    return stack.load(path, body=BODY, expect=expect, in_flight=1, most=runs, seconds=PATIENCE_SECONDS)


def _beside(work: str, value: str, old: str, more: str = "") -> Figure:
    note = f"the old system's chat, as recorded: {OLD[old]}"
    return Figure(f"one model node: {work}", value, note=f"{note}; {more}" if more else note)
