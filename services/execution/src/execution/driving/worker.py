"""One execution process: its slots, the instances it drives, the ones it takes over and the times it wakes them."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis import clock, telemetry
from chassis.ledger import Append, VersionConflict
from chassis.logs import get_logger
from contracts.instance_events import InstanceRequested
from execution.domain.decisions.advancing import claim
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.driving.contention import insist
from execution.driving.known import KnownBlueprints
from execution.driving.leases import Leases
from execution.driving.rested import Kept, Rested
from execution.driving.running import Run, Workshop, seconds_until

DRAIN_SECONDS = 6.0
"""What nodes in flight get to finish when the process is told to stop."""
REMEMBERED_WAKES = timedelta(minutes=15)
"""Longer waits are left to the scan of the read model, so that they cost no memory."""

TRY_AGAIN = timedelta(seconds=1)
"""When a blueprint's version has not arrived here yet."""

log = get_logger(__name__)


class Worker:
    """Drives instances, at most `slots` at a time; what comes beyond waits in line."""

    def __init__(self, shop: Workshop, known: KnownBlueprints, leases: Leases, slots: int) -> None:
        """`leases` has joined under this worker's id."""
        self.id = leases.worker_id
        self.shop = shop
        self.known = known
        self.leases = leases
        self.slots = slots
        self.runs: dict[UUID, Run] = {}
        self.rested = Rested(shop.records)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.line: dict[UUID, None] = {}
        """Instances to look at as soon as there is room, in the order in which they came, each once."""
        self.taking = 0
        self.wakes: list[tuple[datetime, UUID]] = []
        self.sooner = asyncio.Event()
        self.on_free: Callable[[], Awaitable[None]] | None = None
        self.draining = False

    @property
    def free_slots(self) -> int:
        """How many more instances fit; none while the process is stopping."""
        return 0 if self.draining else max(0, self.slots - len(self.runs) - self.taking - len(self.line))

    async def start(
        self, instance: Instance, turn: Turn, also: tuple[Append, ...] = (), traceparent: str | None = None
    ) -> Run:
        """Drive an instance that its first turn claims for this worker; raises `VersionConflict` if another has it.

        What it does belongs to the trace of `traceparent`, else to the running task's.
        """
        if instance.id in self.runs:
            raise VersionConflict(instance.id, instance.version - len(turn.events))
        run = Run(instance, self.id, self.shop, traceparent or telemetry.current_traceparent())
        self.runs[instance.id] = run
        try:
            await run.begin(turn, also)
        except BaseException:
            del self.runs[instance.id]
            run.begun.set_result(False)
            if run.stale:
                # What was to be looked at here has to be looked at by whoever has it.
                self.request(instance.id)
            raise
        run.begun.set_result(True)
        self.spawn(self.drive(run))
        return run

    async def drive(self, run: Run) -> None:
        """Live the run, then see to what comes after it."""
        try:
            await run.live()
        finally:
            del self.runs[run.instance.id]
        run.left.set()
        if not run.spoilt:
            self.rested.keep(run.instance, run.traceparent)
        if run.stale:
            # Somebody recorded something while the run was on its way to rest.
            self.request(run.instance.id)
        if run.instance.status == "waiting" and run.instance.resumes_at is not None:
            self.wake_at(run.instance.resumes_at, run.instance.id)
        await self.next_in_line()

    def request(self, instance_id: UUID) -> None:
        """Take the instance over as soon as there is room; one that is driven here looks at its ledger again."""
        if instance_id in self.runs:
            self.runs[instance_id].poke()
        elif not self.draining:
            self.line[instance_id] = None
            self.spawn(self.next_in_line())

    async def attend(self, instance_id: UUID, version: int) -> None:
        """Do what a work message asks for: drive the instance, or look at its fact of this version (0: at none)."""
        run = await self.driven(instance_id)
        if run is not None:
            if run.instance.version < version:
                run.poke()
        elif not self.rested.has_seen(instance_id, version):
            await self.take_over(instance_id)

    async def driven(self, instance_id: UUID) -> Run | None:
        """The run of an instance that is driven here.

        One that is about to begin is waited for: it may find that another has begun the instance, or only recorded it.
        """
        while (run := self.runs.get(instance_id)) is not None:
            # Whoever stops waiting must not take the answer away from the run.
            if await asyncio.shield(run.begun) and self.runs.get(instance_id) is run:
                return run
        return None

    async def next_in_line(self) -> None:
        """Fill the free slots from the line, past those who need nobody any more; else ask for more work."""
        while self.line and not self.draining and len(self.runs) + self.taking < self.slots:
            self.taking += 1
            try:
                await self.take_over(next(iter(self.line)))
            finally:
                self.taking -= 1
        if not self.line and not self.draining and self.on_free is not None:
            await self.on_free()

    async def take_over(self, instance_id: UUID) -> bool:
        """Claim an instance that nobody drives and go on with it; answers whether this worker drives it now.

        Whatever brought it here, it need not be looked at once more when its turn in the line comes.
        """
        self.line.pop(instance_id, None)
        return await insist(lambda: self.claim(instance_id))

    async def claim(self, instance_id: UUID) -> bool:
        """One try at it; raises `VersionConflict` when somebody else recorded something meanwhile."""
        if await self.driven(instance_id) is not None:
            return True
        kept = await self.rested.take(instance_id) or await self.read(instance_id)
        if kept is None:
            return False
        if not await self.may_take(kept.instance):
            self.rested.keep(kept.instance, kept.traceparent)
            return False
        turn = Turn(kept.instance, clock.now())
        claim(turn, self.id)
        await self.shop.pipeline.drain(turn)
        await self.start(turn.instance, turn, traceparent=kept.traceparent)
        return True

    async def read(self, instance_id: UUID) -> Kept | None:
        """The instance with its graph, if there is something to do for it."""
        instance, traceparent = await self.shop.records.traced(instance_id, self.graph_of)
        if not instance.version or not await self.may_take(instance):
            return None
        if instance.graph is None:
            log.warning("worker.version_not_here", blueprint_id=str(instance.request.blueprint_id))
            self.wake_at(clock.now() + TRY_AGAIN, instance_id)
            return None
        return Kept(instance, traceparent)

    async def graph_of(self, request: InstanceRequested) -> CompiledGraph | None:
        """The graph of the version that was asked for, if it has arrived here."""
        version = await self.known.find(request.blueprint_id, request.blueprint_version)
        return None if version is None else version.graph

    async def may_take(self, instance: Instance) -> bool:
        """Whether it has something to do now and no living owner."""
        if instance.ended:
            return False
        if instance.status == "paused":
            return instance.pause_requested_by is None or instance.terminate_requested_by is not None
        if instance.status == "waiting":
            due = instance.resumes_at
            return instance.stirred or (due is not None and due <= clock.now())
        if instance.worker_id is None or instance.worker_id == self.id:
            return True
        return instance.worker_id not in await self.leases.alive()

    def wake_at(self, due: datetime, instance_id: UUID) -> None:
        """Look after the instance at `due`; a long wait is left to the scan, so that it costs no memory."""
        if due - clock.now() < REMEMBERED_WAKES:
            heapq.heappush(self.wakes, (due, instance_id))
            self.sooner.set()

    async def keep_waking(self) -> None:
        """Request each remembered instance when its time comes, until cancelled."""
        while True:
            self.sooner.clear()
            while self.wakes and self.wakes[0][0] <= clock.now():
                self.request(heapq.heappop(self.wakes)[1])
            try:
                async with asyncio.timeout(seconds_until(self.wakes[0][0]) if self.wakes else None):
                    await self.sooner.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Begin nothing new, let nodes in flight finish, hand the rest over."""
        self.draining = True
        for run in self.runs.values():
            run.drain()
        waiting = [task for task in self.tasks if not task.done()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def spawn(self, work: Coroutine[None, None, object]) -> None:
        """Do something beside, outside of the running task's trace; a failure is logged, never lost."""
        self.keep(asyncio.create_task(logged(work), context=Context()))

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Let a task live until it is done, also when this process is told to stop."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def logged(work: Coroutine[None, None, object]) -> None:
    """Await the work and log how it failed."""
    try:
        await work
    except Exception:
        log.exception("worker.task_failed")
