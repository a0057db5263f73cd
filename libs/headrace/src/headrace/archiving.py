"""What ended long ago leaves the ledger for compressed files, all but its frame; and comes back when asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.ids import plain_id
from headrace.errors import Complaint
from headrace.services import EXECUTION

BATCH = 200
"""Instances in one file and one transaction: nobody records anything while it deletes, so it is kept short."""

CANDIDATES = """
SELECT instance_id FROM workflow_instances AS run
WHERE completed_at < $1 AND instance_id > $2
  AND (parent_id IS NULL OR detached OR parent_told)
  AND NOT EXISTS (
      SELECT FROM workflow_instances AS relative
      WHERE (relative.instance_id = run.parent_id OR relative.parent_id = run.instance_id)
        AND (relative.completed_at IS NULL OR relative.completed_at >= $1)
  )
  AND EXISTS (SELECT FROM events WHERE originator_id = instance_id AND topic = ANY($3::text[]))
ORDER BY instance_id LIMIT $4
"""
FOLLOWERS = "SELECT min(position) FROM checkpoints WHERE source = $1"
PUBLISHED = "SELECT min(position) FROM relay"
ERASED = "SELECT DISTINCT originator_id FROM events WHERE originator_id = ANY($1::uuid[]) AND topic = 'InstanceErased'"
"""What an archive still holds of these must not come back."""
NOBODY = UUID(int=0)

Report = Callable[[str], None]


async def archive(dsns: Mapping[str, str], folder: Path, before: datetime, report: Report) -> dict[str, int]:
    """Archive every run that ended before a moment and that everybody has heard of; answers what was moved."""
    from chassis import archiving, clock
    from chassis.archives import Archive
    from chassis.postgres import lock_key
    from contracts.archival import archived_topics, resting_topics

    topics, endings = sorted(archived_topics()), resting_topics()
    totals = {"instances": 0, "events": 0, "files": 0}
    place = Archive(folder, EXECUTION)
    place.verify()
    passed = await _passed_by_all(dsns)
    async with _ledger(dsns) as connection:
        last = NOBODY
        while found := await connection.fetch(CANDIDATES, before, last, topics, BATCH):
            ids = [plain_id(row[0]) for row in found]
            last = ids[-1]
            known = await archiving.ended_streams(connection, ids, endings, passed)
            rows = await archiving.facts_of(connection, known, topics)
            if not rows:
                continue
            await asyncio.to_thread(place.add, rows, clock.now().isoformat(timespec="seconds"))
            try:
                removed = await archiving.remove(connection, lock_key("ledger", EXECUTION), rows, endings, known)
            except archiving.NotAsBefore as error:
                raise Complaint(f"The archive stopped: {error}. Is another one at work? Run it again.") from error
            totals["instances"] += len(known)
            totals["events"] += removed
            totals["files"] += 1
            report(f"{totals['instances']:,} runs, {totals['events']:,} events in {totals['files']} files")
    return totals


async def restore(dsns: Mapping[str, str], folder: Path, file: str | None, instance_id: UUID | None) -> int:
    """Put the facts of one file, or of one run, back into the ledger; answers how many were not there."""
    from chassis import archiving
    from chassis.archives import Archive
    from chassis.postgres import lock_key

    place = Archive(folder, EXECUTION)
    if instance_id is not None:
        rows = place.of_stream(instance_id)
        if not rows:
            raise Complaint(f"No file in {folder} holds instance {instance_id}: is this the right --folder?")
    else:
        entry = next((entry for entry in place.entries() if entry.file == file), None)
        if entry is None:
            raise Complaint(f"The manifest in {folder} names no file {file!r}: `headrace archive verify` lists them.")
        rows = list(place.rows(entry))
    async with _ledger(dsns) as connection:
        erased = {plain_id(row[0]) for row in await connection.fetch(ERASED, [row.stream_id for row in rows])}
        if instance_id in erased:
            raise Complaint(f"Instance {instance_id} was erased with its user: what it held is not brought back.")
        kept = [row for row in rows if row.stream_id not in erased]
        try:
            return await archiving.put_back(connection, lock_key("ledger", EXECUTION), kept) if kept else 0
        except archiving.NotAsBefore as error:
            raise Complaint(f"Nothing was restored: {error}.") from error


async def _passed_by_all(dsns: Mapping[str, str]) -> int:
    """The position up to which the ledger is published, and folded by every projection of every service."""
    from headrace.migration import connect

    positions: list[int | None] = []
    for service, dsn in dsns.items():
        connection = await connect(service, dsn)
        try:
            await connection.execute("SELECT set_config('search_path', $1, false)", service)
            positions.append(await connection.fetchval(FOLLOWERS, EXECUTION))
            if service == EXECUTION:
                positions.append(int(await connection.fetchval(PUBLISHED) or 0))
        finally:
            await connection.close()
    return min(position for position in positions if position is not None)


@asynccontextmanager
async def _ledger(dsns: Mapping[str, str]) -> AsyncIterator[Any]:
    from headrace.migration import connect

    connection = await connect(EXECUTION, dsns[EXECUTION])
    try:
        await connection.execute("SELECT set_config('search_path', $1, false)", EXECUTION)
        yield connection
    finally:
        await connection.close()
