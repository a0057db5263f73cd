"""Every kind of work that is measured, in the order of the table."""

from collections.abc import Mapping

from tests.benchmarks.figures import Row
from tests.benchmarks.rows import acceptance, burst, long_history, memory, startup, statements, waiting, wide

ROWS: Mapping[str, Row] = {
    "acceptance": acceptance.measure,
    "burst": burst.measure,
    "wide": wide.measure,
    "waiting": waiting.measure,
    "statements": statements.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "long_history": long_history.measure,
}
