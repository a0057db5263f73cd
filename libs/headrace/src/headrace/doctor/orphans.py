"""Rows that refer to what another schema does not have: no foreign key can watch over them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.doctor.findings import Finding, fail, ok

PAGE = 20_000
SHOWN = 3

VERSIONS_RUN = "SELECT DISTINCT blueprint_id, blueprint_version FROM workflow_instances"
VERSIONS_GONE = """
SELECT asked.id, asked.version FROM unnest($1::uuid[], $2::int[]) AS asked (id, version)
WHERE NOT EXISTS (
    SELECT FROM workflow_blueprint_versions AS known
    WHERE known.blueprint_id = asked.id AND known.version = asked.version
)
"""
BLUEPRINTS_THERE = "SELECT blueprint_id FROM workflow_blueprints WHERE blueprint_id = ANY($1::uuid[])"
KNOWN_GONE = """
SELECT DISTINCT blueprint_id, blueprint_version FROM workflow_instances AS run
WHERE NOT EXISTS (SELECT FROM known_versions AS known
                  WHERE known.blueprint_id = run.blueprint_id AND known.version = run.blueprint_version)
"""
COUNTED = "SELECT instance_id FROM execution_metrics WHERE instance_id > $1 ORDER BY instance_id LIMIT $2"
UNRECORDED = """
SELECT id FROM unnest($1::uuid[]) AS id
WHERE NOT EXISTS (SELECT FROM events WHERE originator_id = id AND topic = 'InstanceRequested')
"""
"""Asked of the ledger: another service may have heard of an instance before execution's own rows show it."""
CHILDREN = """
SELECT child.instance_id FROM workflow_instances AS child
WHERE child.parent_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM workflow_instances AS parent WHERE parent.instance_id = child.parent_id)
LIMIT 1000
"""
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class OrphanFacts:
    """What refers to nothing, as short texts."""

    without_blueprint: tuple[str, ...] = ()
    """Blueprints that instances run and the blueprint service does not have."""
    without_version: tuple[str, ...] = ()
    unknown_versions: tuple[str, ...] = ()
    """Versions that instances run and execution has not heard of."""
    metrics: tuple[str, ...] = ()
    """Instances that metrics counts and execution does not have."""
    children: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = field(default=("blueprint", "execution", "metrics"))


def judge(found: OrphanFacts) -> Iterator[Finding]:
    """Orphans by what they miss."""
    whole = "A part of the data was restored or deleted without the rest: restore all schemas from one backup."
    kinds = (
        (found.without_blueprint, "blueprints are run and do not exist", whole),
        (found.without_version, "versions are run and are not recorded", whole),
        (
            found.unknown_versions,
            "versions are run and execution has not heard of them",
            "headrace rebuild execution known_versions",
        ),
        (
            found.metrics,
            "instances are counted and do not exist",
            f"`headrace rebuild metrics executions`. Still there? {whole}",
        ),
        (
            found.children,
            "children have a parent that does not exist",
            f"`headrace rebuild execution instances`. Still there? {whole}",
        ),
    )
    problems = [fail("orphans", f"{len(ids)} {what}: {_some(ids)}.", advice) for ids, what, advice in kinds if ids]
    yield from problems or [ok("orphans", f"Nothing refers to what is not there ({', '.join(found.looked_at)}).")]


def _some(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:SHOWN]) + (" …" if len(ids) > SHOWN else "")


async def gather(opened: Mapping[str, Any]) -> OrphanFacts:
    """Compare the schemas that can be seen, each by its own role."""
    execution, blueprint, metrics = (opened.get(name) for name in ("execution", "blueprint", "metrics"))
    if execution is None:
        return OrphanFacts(looked_at=())
    run = await execution.fetch(VERSIONS_RUN)
    gone, blueprints = [], set()
    if blueprint is not None:
        gone = await blueprint.fetch(VERSIONS_GONE, [row[0] for row in run], [row[1] for row in run])
        there = {row[0] for row in await blueprint.fetch(BLUEPRINTS_THERE, [row[0] for row in gone])}
        blueprints = {row[0] for row in gone} - there
    return OrphanFacts(
        without_blueprint=tuple(sorted(map(str, blueprints))),
        without_version=tuple(f"{row[0]} v{row[1]}" for row in gone if row[0] not in blueprints),
        unknown_versions=tuple(f"{row[0]} v{row[1]}" for row in await execution.fetch(KNOWN_GONE)),
        metrics=tuple([found async for found in _uncounted(metrics, execution)]) if metrics is not None else (),
        children=tuple(str(row[0]) for row in await execution.fetch(CHILDREN)),
        looked_at=tuple(opened),
    )


async def _uncounted(metrics: Any, execution: Any) -> Any:
    last: Any = NOBODY
    while page := [row[0] for row in await metrics.fetch(COUNTED, last, PAGE)]:
        for row in await execution.fetch(UNRECORDED, page):
            yield str(row[0])
        last = page[-1]
