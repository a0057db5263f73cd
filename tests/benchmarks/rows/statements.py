"""What a run costs PostgreSQL: commits on a step's path, and all statements of all services.

The PostgreSQL from the wheel comes without contrib modules, so there is no pg_stat_statements: the server is told to
log every statement instead, and the log is counted between two places. What the services ask while nothing runs is
counted over as long a time and taken off.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from tests.benchmarks.contender import STEPS
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.progress import say
from tests.benchmarks.stack import BenchStack, chain_of_steps

LOADS = ((1, 300), (128, 5_000))
"""How many in flight, and how many runs."""
WARM_UP_RUNS = 500
SETTLE_SECONDS = 2.0
"""What belongs to a load but comes after it: projections catching up, statistics being written."""
PATIENCE_SECONDS = 60.0
LIMITS = {1: (25.0, 12.0), 128: (2.0, 1.0)}
"""Statements per run, by runs in flight: the bar and the goal."""
COMMITS = STEPS + 1
SHOWN = 4
SHOWN_CHARACTERS = 60

SETTINGS = {
    "log_line_prefix": "'@%u@ '",
    "log_parameter_max_length": "0",
    "log_duration": "off",
    "log_statement": "'all'",
}
ENTRY = re.compile(r"@(\w*)@ LOG:  (?:statement|execute [^:]+): (.*)", re.DOTALL)
FRAME = re.compile(
    r"(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|LOCK|SELECT pg_(try_)?advisory\w*lock)\b",
    re.IGNORECASE,
)
"""What is not counted: the frame of a transaction, and locks."""
LITERAL = re.compile(r"'[^']*'|\b\d+\b")
APPEND = "INSERT INTO events "
LEDGER_SERVICE = "execution"

Statement = tuple[str, str]
"""The service (its role), and the text without its values."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The statements of one load."""

    runs: int
    seconds: float
    statements: Counter[Statement]

    @property
    def per_run(self) -> float:
        """All of them, idle polling taken off."""
        return self.statements.total() / self.runs

    @property
    def appends_per_run(self) -> float:
        """Commits of facts in the ledger of runs."""
        appends = (
            count for (service, text), count in self.statements.items() if service == LEDGER_SERVICE and APPEND in text
        )
        return sum(appends) / self.runs

    @property
    def most(self) -> str:
        """The most frequent ones, in a few words."""
        return "; ".join(
            f"{service} {count / self.runs:.2f} × `{text[:SHOWN_CHARACTERS]}`"
            for (service, text), count in self.statements.most_common(SHOWN)
        )


def measure(folder: Path) -> Sequence[Figure]:
    """Both costs at one run in flight, the second also at many."""
    with BenchStack(folder) as stack:
        blueprint = stack.create(chain_of_steps(STEPS))
        _ask(stack, blueprint, 1, WARM_UP_RUNS)
        log_statements(stack)
        costs = {}
        for in_flight, runs in LOADS:
            say("statements", f"{runs:,} runs, {in_flight} in flight")
            costs[in_flight] = cost_of(stack, runs, partial(_ask, stack, blueprint, in_flight, runs))
    return [_commits(costs[1]), *(_statements(in_flight, cost) for in_flight, cost in costs.items())]


def log_statements(stack: BenchStack) -> None:
    """From now on the server logs every statement."""
    for name, value in SETTINGS.items():
        stack.rows(f"ALTER SYSTEM SET {name} = {value}")
    stack.rows("SELECT pg_reload_conf()")
    sleep(SETTLE_SECONDS)


def _ask(stack: BenchStack, blueprint: str, in_flight: int, runs: int) -> None:
    stack.load(
        f"/blueprints/{blueprint}/execute",
        body='{"input": {}}',
        expect=('"status":"completed"',),
        in_flight=in_flight,
        most=runs,
        seconds=PATIENCE_SECONDS,
    )


def cost_of(stack: BenchStack, runs: int, ask: Callable[[], object]) -> Cost:
    """What the runs that `ask` asks for cost; takes twice as long as they do."""
    log = stack.up.data_dir / "logs" / "postgres.log"
    start, began = log.stat().st_size, monotonic()
    ask()
    sleep(SETTLE_SECONDS)
    end, seconds = log.stat().st_size, monotonic() - began
    sleep(seconds)
    idle = Counter(_statements_in(log, end, log.stat().st_size))
    return Cost(runs, seconds, Counter(_statements_in(log, start, end)) - idle)


def _statements_in(log: Path, start: int, end: int) -> Iterator[Statement]:
    with log.open("rb") as file:
        file.seek(start)
        text = file.read(end - start).decode(errors="replace")
    for entry in _entries(text.splitlines()):
        found = ENTRY.match(entry)
        if found is not None and found[1] != "postgres" and not FRAME.match(normal := _normal(found[2])):
            yield found[1], normal


def _entries(lines: Iterable[str]) -> Iterator[str]:
    """Entries of the log; the lines of a longer one are indented."""
    entry: list[str] = []
    for line in lines:
        if entry and not line.startswith("\t"):
            yield " ".join(entry)
            entry = []
        entry.append(line)
    yield " ".join(entry)


def _normal(text: str) -> str:
    return LITERAL.sub("?", " ".join(text.split()))


def _commits(cost: Cost) -> Figure:
    value = cost.appends_per_run
    return Figure(
        f"commits on the path of a run of {STEPS} steps, one in flight",
        f"{value:.2f}",
        f"≤ {COMMITS}",
        "",
        judged(value, COMMITS),
    )


def _statements(in_flight: int, cost: Cost) -> Figure:
    bar, goal = LIMITS[in_flight]
    return Figure(
        f"statements of all services per run of {STEPS} steps, {in_flight} in flight",
        f"{cost.per_run:.2f}",
        f"≤ {bar:g}",
        f"≤ {goal:g}",
        judged(cost.per_run, bar, goal),
        cost.most,
    )
