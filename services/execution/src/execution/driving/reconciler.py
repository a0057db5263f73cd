"""Finds instances that nobody drives and puts them back to work: orphans, missed times, lost messages."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import asyncpg
from nats.js.errors import NotFoundError
from prometheus_client import Counter

from chassis import provision
from chassis.bus import Bus
from chassis.clock import monotonic
from chassis.ids import plain_id
from chassis.leadership import Lead, Leadership
from chassis.logs import get_logger
from chassis.publishing import NotPublished, Outgoing, Publisher
from chassis.telemetry import REGISTRY
from execution.driving.leases import Leases
from execution.driving.work import START, WAKE, consumer_name

SCAN_SECONDS = 0.25
BATCH = 125
"""Instances put back in one scan, hence at most 500 a second."""
SCANS_BETWEEN_STREAM_CHECKS = 4
SCANS_BETWEEN_CHORES = 240
GRACE_SECONDS = 0.4
"""A time this long past was missed by the worker that remembered it."""
AGAIN_SECONDS = 5.0
"""An instance that was put back is left alone for so long."""

OWNERS = """
WITH RECURSIVE owner AS (
    (SELECT worker_id FROM workflow_instances
     WHERE status IN ('pending', 'running') AND worker_id IS NOT NULL ORDER BY worker_id LIMIT 1)
    UNION ALL
    SELECT (SELECT worker_id FROM workflow_instances
            WHERE status IN ('pending', 'running') AND worker_id > owner.worker_id ORDER BY worker_id LIMIT 1)
    FROM owner WHERE owner.worker_id IS NOT NULL
)
SELECT worker_id FROM owner WHERE worker_id IS NOT NULL
"""
OF_WORKER = """
SELECT instance_id FROM workflow_instances
WHERE status IN ('pending', 'running') AND worker_id = $1 LIMIT $2
"""
DUE = """
SELECT instance_id FROM workflow_instances
WHERE resumes_at <= now() - make_interval(secs => $1) AND instance_id <> ALL($3::uuid[])
ORDER BY resumes_at LIMIT $2
"""
UNCLAIMED = """
SELECT instance_id FROM workflow_instances
WHERE status = 'pending' AND worker_id IS NULL AND instance_id > $1 ORDER BY instance_id LIMIT $2
"""
KNOWN_INCARNATION = "SELECT created_at FROM work_incarnation WHERE stream = $1"
KEEP_INCARNATION = """
INSERT INTO work_incarnation (stream, created_at) VALUES ($1, $2)
ON CONFLICT (stream) DO UPDATE SET created_at = excluded.created_at
"""

REPUBLISHED = Counter("headrace_work_republished", "Work messages made again", ["reason"], registry=REGISTRY)
log = get_logger(__name__)
Chore = Callable[[], Awaitable[None]]
CaughtUp = Callable[[], Awaitable[bool]]


class Reconciler:
    """One at a time over all workers. It only makes work messages; who may take an instance is decided by the taker."""

    def __init__(
        self, bus: Bus, pool: asyncpg.Pool, leases: Leases, caught_up: CaughtUp, chores: tuple[Chore, ...] = ()
    ) -> None:
        """`leases` tells the living from the dead, `caught_up` whether the rows show what the ledger held when asked.

        `chores` are done now and then.
        """
        self.bus = bus
        self.pool = pool
        self.leases = leases
        self.caught_up = caught_up
        self.chores = chores
        self.scans = 0
        self.suspected: frozenset[UUID] = frozenset()
        self.unclaimed: frozenset[UUID] = frozenset()
        self.put_back: dict[UUID, float] = {}

    async def run(self) -> None:
        """Scan until cancelled, whenever this process leads."""
        while True:
            try:
                async with Leadership(self.pool, "reconciler").held() as lead, Publisher(self.bus) as publisher:
                    while True:
                        await lead.confirm()
                        await self.scan(publisher, lead)
                        await asyncio.sleep(SCAN_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next scan tries again
                log.warning("reconciler.interrupted", error=repr(error))
                await asyncio.sleep(SCAN_SECONDS)

    async def scan(self, publisher: Publisher, lead: Lead) -> None:
        """Look for each kind of instance that nobody drives, and put it back to work."""
        now = monotonic()
        self.put_back = {key: at for key, at in self.put_back.items() if now - at < AGAIN_SECONDS}
        await self.publish(publisher, WAKE, "worker_died", await self.orphans())
        await self.publish(
            publisher, WAKE, "time_passed", await self.ids(DUE, GRACE_SECONDS, BATCH, list(self.put_back))
        )
        if self.scans % SCANS_BETWEEN_STREAM_CHECKS == 0:
            await self.republish_starts(publisher, lead)
        if self.scans % SCANS_BETWEEN_CHORES == 0:
            for chore in self.chores:
                await chore()
        self.scans += 1

    async def orphans(self) -> list[UUID]:
        """Instances of workers found dead in two scans in a row: a connection may blink."""
        owners = {plain_id(row["worker_id"]) for row in await self.pool.fetch(OWNERS)}
        missing = owners - await self.leases.alive() if owners else set()
        dead, self.suspected = missing & self.suspected, frozenset(missing)
        found: list[UUID] = []
        for worker_id in dead:
            found += await self.ids(OF_WORKER, worker_id, BATCH)
        return found

    async def republish_starts(self, publisher: Publisher, lead: Lead) -> None:
        """A work stream that was made anew has lost the starts that waited in it; another may have lost some."""
        info = await self.bus.ensure_work_stream()
        stream, created_at = str(info.config.name), info.created
        known = await self.pool.fetchval(KNOWN_INCARNATION, stream)
        if created_at is None or known == created_at:
            await self.republish_forgotten_starts(publisher, stream)
            return
        if known is not None:
            log.warning("reconciler.new_work_stream", stream=stream, incarnation=provision.incarnation(info))
        if not await self.caught_up():
            return
        last = UUID(int=0)
        while unclaimed := await self.ids(UNCLAIMED, last, BATCH):
            await self.publish(publisher, START, "stream_lost", unclaimed)
            last = unclaimed[-1]
            await lead.confirm()
            await asyncio.sleep(SCAN_SECONDS)
        await self.pool.execute(KEEP_INCARNATION, stream, created_at)

    async def republish_forgotten_starts(self, publisher: Publisher, stream: str) -> None:
        """Nothing waits on the bus, and yet nobody has begun these: seen so twice, they are started."""
        unclaimed = await self.ids(UNCLAIMED, UUID(int=0), BATCH) if await self.is_idle(stream) else []
        forgotten = [instance_id for instance_id in unclaimed if instance_id in self.unclaimed]
        self.unclaimed = frozenset(unclaimed)
        await self.publish(publisher, START, "start_lost", forgotten)

    async def is_idle(self, stream: str) -> bool:
        """Whether no start waits on the bus or is being taken up."""
        try:
            info = await self.bus.js.consumer_info(stream, consumer_name(START))
        except NotFoundError:
            return False
        return not info.num_pending and not info.num_ack_pending

    async def publish(self, publisher: Publisher, kind: str, reason: str, instance_ids: Iterable[UUID]) -> None:
        """One work message each; raises when the bus refuses one."""
        fresh = [instance_id for instance_id in instance_ids if instance_id not in self.put_back][:BATCH]
        if not fresh:
            return
        messages = [
            Outgoing(self.bus.subject("work", kind, str(instance_id)), str(instance_id).encode(), {})
            for instance_id in fresh
        ]
        for instance_id, outcome in zip(fresh, await publisher.send_all(messages), strict=True):
            if isinstance(outcome, NotPublished):
                raise outcome
            self.put_back[instance_id] = monotonic()
        REPUBLISHED.labels(reason).inc(len(fresh))
        log.info("reconciler.put_back", reason=reason, instances=len(fresh))

    async def ids(self, statement: str, *values: object) -> list[UUID]:
        """The instance ids that a statement finds."""
        return [plain_id(row["instance_id"]) for row in await self.pool.fetch(statement, *values)]
