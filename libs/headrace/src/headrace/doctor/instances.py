"""Instances that nobody drives, that wait for a time long past, or that are claimed again and again."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.doctor.findings import Finding, fail, ok, warn

SHOWN = 3
"""Ids in one sentence."""
LISTED_MAX = 10_000
OVERDUE_SECONDS = 30.0
"""The scan for due times runs four times a second, and puts back 500 instances a second."""
UNCLAIMED_SECONDS = 60.0
CLAIMS_MANY = 5
"""Claims in a row after which nothing was recorded that leads any further."""
LEASE_SECONDS = 15.0
"""A heartbeat comes every two seconds, and counts for ten."""
SECOND_LOOK_SECONDS = 2.0
"""Whoever is found without a worker may be about to get one."""

WITHOUT_WORKER = """
SELECT instance_id FROM workflow_instances
WHERE status IN ('pending', 'running') AND worker_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM workers WHERE workers.worker_id = workflow_instances.worker_id
    AND heartbeat_at > clock_timestamp() - make_interval(secs => $1)
) LIMIT $2
"""
OVERDUE = """
SELECT instance_id FROM workflow_instances WHERE resumes_at < now() - make_interval(secs => $1) LIMIT $2
"""
UNCLAIMED = """
SELECT instance_id FROM workflow_instances
WHERE status = 'pending' AND worker_id IS NULL AND created_at < now() - make_interval(secs => $1) LIMIT $2
"""
CLAIMED_AGAIN = """
SELECT known.instance_id FROM workflow_instances AS known
JOIN LATERAL (
    SELECT coalesce(max(originator_version), 0) AS version FROM events
    WHERE originator_id = known.instance_id
      AND topic NOT IN ('InstanceClaimed', 'InstanceStarted', 'NodeStarted', 'NodeCancelled')
) AS progress ON true
WHERE known.status IN ('pending', 'running') AND (
    SELECT count(*) FROM events
    WHERE originator_id = known.instance_id AND topic = 'InstanceClaimed' AND originator_version > progress.version
) >= $1 LIMIT $2
"""
DEAD_WORKERS = "SELECT count(*) FROM workers WHERE heartbeat_at < clock_timestamp() - make_interval(secs => $1)"

Ids = frozenset[str]


@dataclass(frozen=True)
class InstanceFacts:
    """Ids of instances by what is wrong with them, found twice in a row."""

    without_worker: Ids = field(default_factory=frozenset)
    overdue: Ids = field(default_factory=frozenset)
    unclaimed: Ids = field(default_factory=frozenset)
    claimed_again: Ids = field(default_factory=frozenset)
    dead_workers: int = 0


def judge(found: InstanceFacts) -> Iterator[Finding]:
    """What is stuck, and what moves it."""
    log = "Look into the log of execution for the instance's id; `headrace logs ID` shows what it did."
    if found.without_worker:
        said = f"{_some(found.without_worker)} run without a living worker, and nobody takes them over."
        advice = (
            "Start an execution process: its reconciler puts them back to work. Its log says what keeps it from it."
        )
        yield fail("stuck instances", said, advice)
    if found.overdue:
        said = f"{_some(found.overdue)} wait for a time that passed more than {OVERDUE_SECONDS:.0f} s ago."
        yield fail("stuck instances", said, "Start or restart an execution process: its scan wakes them. " + log)
    if found.unclaimed:
        said = (
            f"{_some(found.unclaimed)} were accepted more than {UNCLAIMED_SECONDS:.0f} s ago, and no worker has room."
        )
        yield warn(
            "stuck instances", said, "Add workers (`--workers`, or `--scale execution=N`), or raise HEADRACE_SLOTS."
        )
    if found.claimed_again:
        said = f"{_some(found.claimed_again)} were claimed {CLAIMS_MANY} times or more without getting any further."
        advice = "A node probably takes its process down with it. " + log + " `headrace cancel ID` ends it."
        yield fail("stuck instances", said, advice)
    if not (found.without_worker or found.overdue or found.unclaimed or found.claimed_again):
        yield ok("stuck instances", "Every instance is driven, or waits for something that is still to come.")
    if found.dead_workers:
        yield ok("leases", f"{found.dead_workers} workers went without goodbye within the last hour; others took over.")
    else:
        yield ok("leases", "No lease has expired.")


def _some(ids: Ids) -> str:
    shown = sorted(ids)[:SHOWN]
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    return f"{len(ids)} instances ({', '.join(shown)}{more})"


async def gather(connection: Any) -> InstanceFacts:
    """Look; where something seems wrong, look once more, for most of it heals by itself."""
    first = await _look(connection)
    if not (first.without_worker or first.overdue or first.unclaimed or first.claimed_again):
        return first
    await asyncio.sleep(SECOND_LOOK_SECONDS)
    second = await _look(connection)
    return InstanceFacts(
        without_worker=first.without_worker & second.without_worker,
        overdue=first.overdue & second.overdue,
        unclaimed=first.unclaimed & second.unclaimed,
        claimed_again=first.claimed_again & second.claimed_again,
        dead_workers=second.dead_workers,
    )


async def _look(connection: Any) -> InstanceFacts:
    async def ids(statement: str, limit: float) -> Ids:
        return frozenset(str(row[0]) for row in await connection.fetch(statement, limit, LISTED_MAX))

    return InstanceFacts(
        without_worker=await ids(WITHOUT_WORKER, LEASE_SECONDS),
        overdue=await ids(OVERDUE, OVERDUE_SECONDS),
        unclaimed=await ids(UNCLAIMED, UNCLAIMED_SECONDS),
        claimed_again=await ids(CLAIMED_AGAIN, CLAIMS_MANY),
        dead_workers=int(await connection.fetchval(DEAD_WORKERS, LEASE_SECONDS)),
    )
