"""Facts to rows: one row per ended execution, its sums over stretches of time, and what blueprints are called."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Connection, Record

from chassis.postgres import array_of
from chassis.projection import Fact
from contracts.blueprint import BlueprintCreated, BlueprintShared, BlueprintUpdated, BlueprintVersionRecorded
from contracts.execution import RunFigures
from contracts.instance_events import ENDINGS, InstanceEnded, InstanceRetried
from contracts.message import Event
from metrics import rollups
from metrics.domain import Execution
from metrics.histogram import exact_ms

INSERT_EXECUTION = """
INSERT INTO execution_metrics (
    instance_id, blueprint_id, blueprint_version, user_id, team_id, status, ended_at, execution_time_ms, queue_time_ms,
    nodes_executed, prompt_tokens, completion_tokens, cost, tool_calls, errors, retries, cache_hits,
    node_ids, node_execution_times
)
SELECT instance_id, blueprint_id, blueprint_version, user_id, team_id, status, ended_at, execution_time_ms,
       queue_time_ms, nodes_executed, prompt_tokens, completion_tokens, cost, tool_calls, errors, retries, cache_hits,
       node_ids::text[], node_times::double precision[]
FROM unnest(
    $1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::numeric[],
    $9::numeric[], $10::bigint[], $11::bigint[], $12::bigint[], $13::numeric[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::bigint[], $18::text[], $19::text[]
) AS ended (
    instance_id, blueprint_id, blueprint_version, user_id, team_id, status, ended_at, execution_time_ms,
    queue_time_ms, nodes_executed, prompt_tokens, completion_tokens, cost, tool_calls, errors, retries, cache_hits,
    node_ids, node_times
)
ON CONFLICT (instance_id) DO NOTHING
RETURNING instance_id
"""

TAKE_EXECUTIONS = """
DELETE FROM execution_metrics WHERE instance_id = ANY($1::uuid[])
RETURNING blueprint_id, user_id, status, ended_at, execution_time_ms, prompt_tokens, completion_tokens, cost, retries,
          cache_hits, node_ids, node_execution_times
"""

WRITE_NAMES = """
INSERT INTO blueprint_names (blueprint_id, version, name)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[])
ON CONFLICT (blueprint_id) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name
WHERE blueprint_names.version < EXCLUDED.version
"""
WRITE_OWNERS = """
UPDATE blueprint_names AS kept SET owner_id = created.owner_id
FROM unnest($1::uuid[], $2::text[]) AS created (blueprint_id, owner_id)
WHERE kept.blueprint_id = created.blueprint_id
"""
WRITE_SHARING = """
UPDATE blueprint_names AS kept SET visibility = said.visibility, team_id = said.team_id
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS said (blueprint_id, visibility, team_id)
WHERE kept.blueprint_id = said.blueprint_id
"""

KNOW = """
INSERT INTO known (until) VALUES ($1)
ON CONFLICT (sole) DO UPDATE SET until = greatest(known.until, EXCLUDED.until)
"""


class Executions:
    """Follows the execution service: counts what ended, and remembers the time of the last ending."""

    name = "executions"
    source = "execution"
    reads: tuple[type[Event], ...] = (*ENDINGS, InstanceRetried)
    tables = ("execution_metrics", "execution_rollups", "node_rollups", "known")

    async def apply(self, facts: Sequence[Fact], rows: Connection) -> None:
        """Count the endings among the facts that are the last word on their instances, and these only."""
        endings: dict[UUID, InstanceEnded] = {}
        reopened: set[UUID] = set()
        for event in (fact.event for fact in facts):
            if isinstance(event, InstanceEnded):
                endings[event.originator_id] = event
            elif isinstance(event, InstanceRetried):
                endings.pop(event.originator_id, None)
                reopened.add(event.originator_id)
        if reopened:
            await forget_endings(reopened, rows)
        if endings:
            await count_endings(list(endings.values()), rows)
        await rows.execute(KNOW, max(fact.event.timestamp for fact in facts))


class BlueprintNames:
    """Follows the blueprint service: remembers what blueprints are called, and who may know."""

    name = "blueprint_names"
    source = "blueprint"
    reads = (BlueprintCreated, BlueprintUpdated, BlueprintShared)
    tables = ("blueprint_names",)

    async def apply(self, facts: Sequence[Fact], rows: Connection) -> None:
        """Keep the name of the latest version, and with whom it is shared by now."""
        events = [fact.event for fact in facts]
        await keep_names((event for event in events if isinstance(event, BlueprintVersionRecorded)), rows)
        created = {event.originator_id: event for event in events if isinstance(event, BlueprintCreated)}
        if created:
            await rows.execute(WRITE_OWNERS, list(created), [event.owner_id for event in created.values()])
        shared = (event for event in events if isinstance(event, BlueprintCreated | BlueprintShared))
        sharing = {event.originator_id: (event.visibility, event.team_id) for event in shared}
        if sharing:
            await rows.execute(WRITE_SHARING, list(sharing), *zip(*sharing.values(), strict=True))


async def count_endings(endings: Sequence[InstanceEnded], rows: Connection) -> None:
    """Keep each ended execution once, and add it to the rollups that it belongs to."""
    columns = zip(*map(_execution_row, endings), strict=True)
    inserted = {row[0] for row in await rows.fetch(INSERT_EXECUTION, *columns)}
    fresh = list({ended.originator_id: ended for ended in endings if ended.originator_id in inserted}.values())
    await rollups.add(map(_execution, fresh), rows)


async def forget_endings(instance_ids: Iterable[UUID], rows: Connection) -> None:
    """Count executions that go on again no more, wherever they were counted; they count when they end again."""
    taken = await rows.fetch(TAKE_EXECUTIONS, list(instance_ids))
    await rollups.remove(map(_taken_execution, taken), rows)


async def keep_names(recorded: Iterable[BlueprintVersionRecorded], rows: Connection) -> None:
    """Remember what the latest version of each blueprint is called."""
    latest = {event.originator_id: event for event in sorted(recorded, key=lambda event: event.version)}
    versions = [event.version for event in latest.values()]
    await rows.execute(WRITE_NAMES, list(latest), versions, [event.name for event in latest.values()])


def _execution(ended: InstanceEnded) -> Execution:
    return Execution(ended.blueprint_id, ended.user_id, ENDINGS[type(ended)], ended.timestamp, ended.figures)


def _taken_execution(row: Record) -> Execution:
    figures = RunFigures(
        execution_time_ms=float(row["execution_time_ms"]),
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cost=row["cost"],
        retries=row["retries"],
        cache_hits=row["cache_hits"],
        node_execution_times=dict(zip(row["node_ids"], row["node_execution_times"], strict=True)),
    )
    return Execution(row["blueprint_id"], row["user_id"], row["status"], row["ended_at"], figures)


def _execution_row(ended: InstanceEnded) -> tuple[Any, ...]:
    figures: RunFigures = ended.figures
    return (
        ended.originator_id,
        ended.blueprint_id,
        ended.blueprint_version,
        ended.user_id,
        ended.team_id,
        ENDINGS[type(ended)],
        ended.timestamp,
        exact_ms(figures.execution_time_ms),
        exact_ms(figures.queue_time_ms),
        figures.nodes_executed,
        figures.prompt_tokens,
        figures.completion_tokens,
        figures.cost,
        figures.tool_calls,
        figures.errors,
        figures.retries,
        figures.cache_hits,
        array_of(f'"{node_id}"' for node_id in figures.node_execution_times),
        array_of(map(repr, figures.node_execution_times.values())),
    )
