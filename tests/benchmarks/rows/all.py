"""Every kind of work that is measured, in the order of the table."""

from collections.abc import Mapping

from tests.benchmarks.figures import Row
from tests.benchmarks.rows import (
    acceptance,
    burst,
    history,
    ledger,
    legacy,
    llm_trace,
    long_history,
    memory,
    recorded,
    startup,
    statements,
    throughput,
    waiting,
    wide,
)

ROWS: Mapping[str, Row] = {
    "throughput": throughput.measure,
    "acceptance": acceptance.measure,
    "burst": burst.measure,
    "wide": wide.measure,
    "waiting": waiting.measure,
    "statements": statements.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "long_history": long_history.measure,
    "ledger": ledger.measure,
    "history": history.measure,
    "legacy": legacy.measure,
    "llm_trace": llm_trace.measure,
    "recorded": recorded.measure,
}
