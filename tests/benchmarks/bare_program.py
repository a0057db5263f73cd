"""The bare limit: no engine at all, only the same facts group-committed and published; a JSON line in, one out.

Each run in flight appends the facts of a recorded run, commit by commit, and goes on when a commit is durable. What is
committed is published to JetStream in order, one acknowledgement for many messages. No HTTP, no graph, no reading.
"""

import asyncio
import json
import sys
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import asyncpg
import nats
import uvloop
from nats.aio.client import Client

from chassis.ids import new_id
from tests.benchmarks.telling import tell

COMMITS_TOGETHER = 64
MESSAGES_TOGETHER = 256
STREAM = "BARE"
TABLE = """
CREATE TABLE IF NOT EXISTS bare_events (
    originator_id uuid NOT NULL, originator_version bigint NOT NULL, topic text NOT NULL, state bytea NOT NULL,
    notification_id bigserial NOT NULL, event_id uuid, metadata bytea, PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX IF NOT EXISTS bare_events_position ON bare_events (notification_id);
"""
RECORD = """
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(1))
INSERT INTO bare_events (originator_id, originator_version, topic, state, event_id, metadata)
SELECT new.* FROM lock, unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[], $5::uuid[], $6::bytea[]) AS new
"""

Row = tuple[UUID, int, str, bytes, UUID, bytes]


@dataclass(frozen=True)
class Work:
    """What to replay and for how long."""

    dsn: str
    nats_url: str
    commits: list[list[tuple[str, str]]]
    """Of one run: commit by commit, each fact's topic and payload."""
    in_flight: int
    seconds: float
    warm_up_seconds: float


@dataclass
class Bare:
    """The program while it runs."""

    work: Work
    database: asyncpg.Connection
    bus: Client
    waiting: deque[tuple[list[Row], asyncio.Future[None]]] = field(default_factory=deque)
    unpublished: deque[Row] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[tuple[float, float]] = field(default_factory=list)
    sequence: int = 0

    async def keep_running(self, until: float) -> None:
        """One run after the other."""
        while (began := perf_counter()) < until:
            run, version = new_id(), 0
            for commit in self.work.commits:
                rows: list[Row] = []
                for topic, state in commit:
                    version += 1
                    rows.append((run, version, topic, state.encode(), new_id(), b"{}"))
                durable = asyncio.get_running_loop().create_future()
                self.waiting.append((rows, durable))
                self.more.set()
                await durable
            now = perf_counter()
            self.ended.append((now, now - began))

    async def commit(self) -> None:
        """Whatever waits is one transaction."""
        while True:
            await self.more.wait()
            self.more.clear()
            while self.waiting:
                batch = [self.waiting.popleft() for _ in range(min(COMMITS_TOGETHER, len(self.waiting)))]
                rows = [row for group, _ in batch for row in group]
                await self.database.execute(RECORD, *zip(*rows, strict=True))
                for _, durable in batch:
                    durable.set_result(None)
                self.unpublished += rows
                self.committed.set()

    async def publish(self) -> None:
        """In the order of the commits; the last of many is waited for."""
        while True:
            await self.committed.wait()
            self.committed.clear()
            while self.unpublished:
                for left in reversed(range(min(MESSAGES_TOGETHER, len(self.unpublished)))):
                    run, _, topic, state, id, _ = self.unpublished.popleft()
                    headers = {"Nats-Msg-Id": str(id), "Nats-Expected-Last-Sequence": str(self.sequence)}
                    self.sequence += 1
                    subject = f"bare.{topic}.{run}"
                    if left:
                        await self.bus.publish(subject, state, headers=headers)
                    else:
                        answer = json.loads((await self.bus.request(subject, state, 5, headers=headers)).data)
                        assert answer.get("seq") == self.sequence, answer


async def measured(work: Work) -> dict[str, Any]:
    """Run it; what was done in the counted seconds."""
    database = await asyncpg.connect(work.dsn)
    await database.execute(TABLE)
    bus = await nats.connect(work.nats_url, pending_size=64 * 1024 * 1024)
    await bus.jetstream().add_stream(name=STREAM, subjects=["bare.*.*"])
    info = await bus.jetstream().stream_info(STREAM)
    bare = Bare(work, database, bus, sequence=info.state.last_seq)
    servants = [asyncio.create_task(bare.commit()), asyncio.create_task(bare.publish())]
    counted_from = perf_counter() + work.warm_up_seconds
    until = counted_from + work.seconds
    cpu: list[float] = []
    loop = asyncio.get_running_loop()
    for after in (work.warm_up_seconds, work.warm_up_seconds + work.seconds):
        loop.call_later(after, lambda: cpu.append(process_time()))
    await asyncio.gather(*(bare.keep_running(until) for _ in range(work.in_flight)))
    while bare.unpublished:  # noqa: ASYNC110 - the program ends here
        await asyncio.sleep(0.01)
    for servant in servants:
        servant.cancel()
    await bus.close()
    await database.close()
    latencies = [took * 1000 for at, took in bare.ended if counted_from <= at < until]
    return {"latencies_ms": latencies, "seconds": work.seconds, "cpu_seconds": cpu[-1] - cpu[0]}


if __name__ == "__main__":
    tell(uvloop.run(measured(Work(**json.loads(sys.stdin.readline())))))
