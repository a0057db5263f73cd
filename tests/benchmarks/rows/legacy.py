"""Our read models beside the old system's tables: the same rows, asked for in the same PostgreSQL by the same driver.

The old system never searched for node types nor added up what executions took (its contract, 1.2 and 5.2): there the
kindest statement that its tables allow stands in. What its own statements are known to do is done as it did it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from blueprint import listing
from blueprint.config_columns import COLUMNS
from blueprint.listing import Listing
from blueprint.queries import GET
from contracts.execution import ListInstances
from contracts.message import Caller
from execution.projections import Instances
from execution.reading.instances import page_statement, row_statement
from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from metrics.counting import count_blueprint, count_nodes
from metrics.domain import EVERYONE, Window
from tests.benchmarks.contender import percentile
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.filled import filled_stack, own_instances
from tests.benchmarks.histories import DAYS
from tests.benchmarks.progress import say
from tests.benchmarks.shared_data import SHARED, not_run
from tests.benchmarks.stack import USER, BenchStack
from tests.benchmarks.v1_tables import fill, old_id, old_owner
from tests.support.blueprints import Json, chain, step
from tests.support.databases import database

DUMP = SHARED / "v1" / "main-4da48708.sql"
INSTANCES = 200_000
OWNERS, OF_EACH = 20, 100
"""Who owns blueprints, and how many."""
RUN = 20
"""Of the caller's blueprints so many have ever run: as many as behind the row of a million."""
PUBLIC_ONE_IN, RARE_ONE_IN = 10, 20
"""Of the blueprints so many are public, and so many others have a node of the type that is searched for."""
RARE = "approval"
NODES = 10
PAGE = 20
ASKED, WARM_UP = 300, 20
FASTER_BAR, GET_BAR = 2.0, 1.5
ROW = row_statement(Instances.reads)

OLD_PAGE = "SELECT * FROM workflow_executions WHERE owner_id = $1 ORDER BY created_at DESC LIMIT $2"
OLD_TOTAL = "SELECT * FROM workflow_executions WHERE owner_id = $1"
"""The number of all of them came from loading all of them (contract, 1.9)."""
OLD_DEFINITIONS = "SELECT * FROM workflow_definitions WHERE owner_id = $1 OR is_public ORDER BY updated_at DESC"
OLD_SEARCH = """
SELECT * FROM workflow_definitions
WHERE (owner_id = $1 OR is_public)
      AND EXISTS (SELECT FROM json_array_elements(nodes) AS node WHERE node ->> 'type' = $2)
ORDER BY updated_at DESC LIMIT $3
"""
OLD_ANALYTICS = """
SELECT count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY execution_time_ms), avg(execution_time_ms),
       sum(tokens_used), sum(cost)
FROM workflow_executions WHERE definition_id = $1 AND completed_at >= $2 AND completed_at < $3
"""

Ask = Callable[[int], Awaitable[Any]]
"""Asks once; the number varies what is asked for."""


class Asker:
    """Connections to both sides, each as its own system would look at its tables, and what is asked over them."""

    def __init__(self, connections: Mapping[str, asyncpg.Connection], ids: Mapping[str, Sequence[str]]) -> None:
        """`connections` by schema; `ids` of `instances` and `blueprints`."""
        self.at = connections
        self.ids = ids
        until = datetime.now(UTC)
        self.window = Window(until - timedelta(days=DAYS), until)

    def questions(self) -> Mapping[str, tuple[Ask, Ask]]:
        """Ours and theirs by what is asked."""
        return {
            "list instances, a page of the newest": (self._list, self._old_list),
            "list instances, without their count of all": (self._list, self._old_page),
            "list blueprints": (partial(self._blueprints, None), self._old_definitions),
            "search by node type": (partial(self._blueprints, RARE), self._old_search),
            "analytics of a blueprint": (self._analytics, self._old_analytics),
            "get an instance": (self._get, partial(self._old_get, "workflow_executions", "instances")),
            "get a blueprint": (self._get_blueprint, partial(self._old_get, "workflow_definitions", "blueprints")),
        }

    def _id(self, kind: str, number: int) -> str:
        return self.ids[kind][number % len(self.ids[kind])]

    async def _list(self, _: int) -> Any:
        statement, values = page_statement(ListInstances(caller=Caller(user_id=USER), limit=PAGE))
        return await self.at["execution"].fetch(statement, *values)

    async def _old_page(self, _: int) -> Any:
        return await self.at["public"].fetch(OLD_PAGE, old_owner(USER), PAGE)

    async def _old_list(self, number: int) -> Any:
        return await self._old_page(number), await self.at["public"].fetch(OLD_TOTAL, old_owner(USER))

    async def _blueprints(self, node_type: str | None, _: int) -> Any:
        asked = Listing(Caller(user_id=USER), PAGE)
        if node_type is not None:
            asked.only(listing.NODE_TYPE, node_type)
        return await self.at["blueprint"].fetch(asked.statement(COLUMNS), *asked.arguments())

    async def _old_definitions(self, _: int) -> Any:
        return await self.at["public"].fetch(OLD_DEFINITIONS, old_owner(USER))

    async def _old_search(self, _: int) -> Any:
        return await self.at["public"].fetch(OLD_SEARCH, old_owner(USER), RARE, PAGE)

    async def _analytics(self, number: int) -> Any:
        rows, blueprint = self.at["metrics"], UUID(self._id("blueprints", number))
        async with rows.transaction(isolation="repeatable_read", readonly=True):
            counted = await count_blueprint(rows, EVERYONE, blueprint, self.window)
            return await count_nodes(rows, blueprint, counted), counted

    async def _old_analytics(self, number: int) -> Any:
        blueprint = old_id(self._id("blueprints", number))
        return await self.at["public"].fetch(OLD_ANALYTICS, blueprint, self.window.since, self.window.until)

    async def _get(self, number: int) -> Any:
        return await self.at["execution"].fetchrow(ROW, UUID(self._id("instances", number)), USER, [])

    async def _get_blueprint(self, number: int) -> Any:
        return await self.at["blueprint"].fetch(GET, UUID(self._id("blueprints", number)), None, USER, [])

    async def _old_get(self, table: str, kind: str, number: int) -> Any:
        found = f"SELECT * FROM {table} WHERE id = $1"
        return await self.at["public"].fetchrow(found, old_id(self._id(kind, number)))


def measure(folder: Path) -> Sequence[Figure]:
    """Every question to both sides in turn, so that the machine is the same for both."""
    if not DUMP.exists():
        return [not_run("beside the old schema", DUMP)]
    with filled_stack("legacy", folder, INSTANCES, _create) as filled:
        say("legacy", "filling the old tables")
        fill(filled.stack, DUMP)
        p50 = asyncio.run(_measured(filled.stack, filled.blueprints))
    return [_compared(question, *medians) for question, medians in p50.items()]


def _create(stack: BenchStack) -> Sequence[str]:
    """Those of all owners; the caller's are run."""
    secrets = read_secrets(stack.up.data_dir)
    assert secrets is not None
    made = []
    for number in range(OWNERS * OF_EACH):
        owner = USER if number < OF_EACH else f"user-{number // OF_EACH:02}"
        headers = {"Authorization": f"Bearer {sign(secrets.jwt, owner)}"}
        made.append(str(stack.ask("POST", "/blueprints", json=_body(number), headers=headers)["id"]))
    return made[:RUN]


def _body(number: int) -> Json:
    names = [f"n{place}" for place in range(1, NODES)]
    nodes = [step(name, "transform", output={"asked": "${ input.question }", "place": name}) for name in names]
    if number % RARE_ONE_IN == 1:
        nodes.append(step("ask", RARE, title="May it go on?"))
    visibility = "public" if number % PUBLIC_ONE_IN == 0 else "private"
    return chain(*nodes, name=f"blueprint {number}", visibility=visibility)


async def _measured(stack: BenchStack, blueprints: Sequence[str]) -> Mapping[str, tuple[float, float]]:
    ids = {"instances": own_instances(stack, ASKED), "blueprints": blueprints}
    async with AsyncExitStack() as open_ones:
        services = ("blueprint", "execution", "metrics")
        at = {name: await open_ones.enter_async_context(database(stack.up, name)) for name in services}
        at["public"] = await asyncpg.connect(stack.superuser_dsn)
        open_ones.push_async_callback(at["public"].close)
        p50 = {}
        for question, (ours, theirs) in Asker(at, ids).questions().items():
            say("legacy", question)
            p50[question] = await _in_turn(ours, theirs)
        return p50


async def _in_turn(ours: Ask, theirs: Ask) -> tuple[float, float]:
    """The median of each, in milliseconds."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + ASKED):
        for ask, times in zip((ours, theirs), taken, strict=True):
            began = perf_counter()
            found = await ask(number)
            times.append((perf_counter() - began) * 1000)
            assert found, "both sides hold what is asked for"
    return percentile(taken[0][WARM_UP:], 0.5), percentile(taken[1][WARM_UP:], 0.5)


def _compared(question: str, ours: float, theirs: float) -> Figure:
    note = f"{ours:.2f} ms, theirs {theirs:.2f} ms; {INSTANCES:,} instances of {OWNERS * OF_EACH:,} blueprints"
    if question.startswith("get"):
        times = ours / theirs
        bar = f"≤ {GET_BAR} × theirs"
        return Figure(f"old schema: {question}", f"{times:.2f} ×", bar, "", judged(times, GET_BAR), note)
    faster = theirs / ours
    verdict = judged(faster, FASTER_BAR, more_is_better=True)
    return Figure(f"old schema: {question}", f"{faster:.1f} × faster", f"≥ {FASTER_BAR:g} ×", "", verdict, note)
