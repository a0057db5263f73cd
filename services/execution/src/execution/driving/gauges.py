"""How much work there is and where it stands, measured now and then for whoever watches."""

from dataclasses import dataclass

import asyncpg
from prometheus_client import Gauge

from chassis.bus import Bus
from chassis.projection_runner import ProjectionRunner
from chassis.readings import Reading, read_stream
from chassis.telemetry import REGISTRY
from execution.driving.work import START, WAKE, consumer_name
from execution.driving.worker import Worker

STUCK_SECONDS = 60
"""An instance that has been without a living worker for so long, or was to be woken so long ago, is stuck."""

COUNT = """
SELECT status, count(*) FROM workflow_instances WHERE status IN ('pending', 'running', 'waiting') GROUP BY status
"""
STUCK = """
SELECT (SELECT count(*) FROM workflow_instances
        WHERE status IN ('pending', 'running') AND created_at < now() - make_interval(secs => $1)
          AND (worker_id IS NULL OR worker_id NOT IN (SELECT worker_id FROM workers)))
     + (SELECT count(*) FROM workflow_instances
        WHERE status = 'waiting' AND resumes_at < now() - make_interval(secs => $1))
"""
OPEN = ("pending", "running", "waiting")

INSTANCES = Gauge("headrace_instances_open", "Instances that have not ended", ["status"], registry=REGISTRY)
STUCK_INSTANCES = Gauge("headrace_instances_stuck", "Instances that somebody should drive", registry=REGISTRY)
WORK_PENDING = Gauge("headrace_work_pending", "Work messages that no worker has taken up", ["kind"], registry=REGISTRY)
RUNS = Gauge("headrace_worker_runs", "Instances that this process drives", registry=REGISTRY)
SLOTS = Gauge("headrace_worker_slots", "How many it may drive at once", registry=REGISTRY)


@dataclass(frozen=True)
class WorkReadings:
    """What one execution process measures; what all share is measured by the one that writes the read model."""

    bus: Bus
    pool: asyncpg.Pool
    worker: Worker
    instances: ProjectionRunner

    def all(self) -> tuple[Reading, ...]:
        """Each of them."""
        return self.slots, self.rows, self.work

    async def slots(self) -> None:
        """How busy this process is."""
        RUNS.set(len(self.worker.runs))
        SLOTS.set(self.worker.slots)

    async def rows(self) -> None:
        """How many instances are open, and how many nobody drives."""
        if not self.instances.leading:
            STUCK_INSTANCES.set(0)
            for status in OPEN:
                INSTANCES.labels(status).set(0)
            return
        counted = dict(await self.pool.fetch(COUNT))
        for status in OPEN:
            INSTANCES.labels(status).set(counted.get(status, 0))
        STUCK_INSTANCES.set(await self.pool.fetchval(STUCK, STUCK_SECONDS))

    async def work(self) -> None:
        """How much work waits on the bus."""
        if not self.bus.connected:
            return
        stream = self.bus.stream("work")
        for kind in (START, WAKE):
            info = await self.bus.js.consumer_info(stream, consumer_name(kind))
            WORK_PENDING.labels(kind).set(info.num_pending or 0)
        await read_stream(self.bus, stream)
