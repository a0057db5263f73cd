"""A deployment in one thread: processes, the way between them, and a history of what was recorded and done."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from chassis import clock
from chassis.ledger import Append, Recorded
from chassis.memory import MemoryEventStore
from contracts.instance_events import InstanceEvent, InstanceRequested
from execution.domain.instance import Instance
from execution.driving import work
from execution.driving.records import CODEC
from tests.simulation.fate import Fate
from tests.simulation.library import Library
from tests.simulation.memories import Answers, Limits, Sections
from tests.simulation.process import Process

LEASE_SECONDS = 10.0
"""So long does a process that does not move count as alive."""
FROZEN_SECONDS = 15.0
REDELIVERY_SECONDS = 10.0
"""A message that nobody acknowledged comes again."""
SCAN_SECONDS = 2.0
RESTART_SECONDS = 1.0

Strike = Literal["before", "after", "freeze"]


@dataclass(frozen=True)
class Done:
    """An effect that a tool had on the world outside: under which key, of which attempt, begun by which process."""

    key: str
    process: UUID


@dataclass
class World:
    """The whole deployment. `journal` holds recorded facts and effects in the order in which they came about."""

    fate: Fate
    library: Library
    processes: list[Process] = field(default_factory=list)
    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    answers: Answers = field(default_factory=Answers)
    limits: Limits = field(default_factory=Limits)
    sections: Sections = field(default_factory=Sections)
    journal: list[InstanceEvent | Done] = field(default_factory=list)
    known: dict[UUID, Instance] = field(default_factory=dict)
    """Every instance as recorded, without its graph."""
    commits: int = 0
    deaths: int = 0
    frozen: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def begin(self, processes: int) -> None:
        """Start them, and those who look after what was left behind."""
        for _ in range(processes):
            self.start_process()
        self.spawn(self.reconcile())

    def start_process(self) -> None:
        """One more."""
        process = Process(self)
        self.processes.append(process)
        process.begin()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let something go on beside."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @property
    def living(self) -> list[Process]:
        """Those that would answer."""
        return [process for process in self.processes if not process.dead]

    def anybody(self) -> Process:
        """One of the living."""
        return self.fate.chance.choice(self.living)

    def alive(self) -> frozenset[UUID]:
        """The processes that count as alive: whoever was frozen longer than the lease does not."""
        now = clock.monotonic()
        return frozenset(one.id for one in self.living if now - one.frozen_at < LEASE_SECONDS)

    # ── what befalls a process ────────────────────────────────────────────────────────────────────────────────────

    def struck(self, process: Process) -> Strike | None:
        """What the next commit does to the process that asks for it."""
        self.commits += 1
        for crash in self.fate.crashes:
            if crash.commit == self.commits:
                return crash.when
        if self.fate.strikes(self.fate.death):
            return self.fate.chance.choice(("before", "after"))
        return "freeze" if self.fate.strikes(self.fate.freeze) else None

    def kill(self, process: Process) -> None:
        """It is gone with all it held in memory; another one starts in its place."""
        process.dead = True
        self.deaths += 1
        self.spawn(self.replace_it())

    async def replace_it(self) -> None:
        """What the supervisor does."""
        await asyncio.sleep(RESTART_SECONDS)
        self.start_process()

    def freeze(self, process: Process) -> None:
        """It does not move for longer than its lease, then goes on as if nothing had been."""
        self.frozen += 1
        process.freeze(FROZEN_SECONDS)

    # ── what is recorded, and who hears of it ─────────────────────────────────────────────────────────────────────

    def recorded(self, process: Process, appends: Sequence[Append]) -> None:
        """Facts are in the ledger: they stand in the history, and what calls for work becomes a message."""
        for append in appends:
            for new in append.events:
                fact = Recorded(0, append.stream_id, new.version, new.topic, new.state, new.event_id, new.metadata)
                event = CODEC.decode(fact)
                self.journal.append(event)  # type: ignore[arg-type]  # the codec reads nothing else
                if isinstance(event, InstanceRequested) or append.stream_id in self.known:
                    self.fold(append.stream_id, event)
                if (message := work.work_for(fact)) is not None:
                    self.send(message[1])
        self.changed.set()

    def done(self, key: str, process: UUID) -> None:
        """A tool is about to change the world outside."""
        self.journal.append(Done(key, process))

    def fold(self, stream_id: UUID, event: Any) -> None:
        """The picture that the read model would show."""
        self.known.setdefault(stream_id, Instance(stream_id)).apply(event)

    def send(self, payload: bytes) -> None:
        """A work message on its way; it may come late, twice, or not at all."""
        if not self.fate.strikes(self.fate.loss):
            self.spawn(self.deliver(payload))
        if self.fate.strikes(self.fate.repetition):
            self.spawn(self.deliver(payload, later=self.fate.chance.uniform(0.0, REDELIVERY_SECONDS)))

    async def deliver(self, payload: bytes, later: float = 0.0) -> None:
        """To one of the processes, and to another while none has acknowledged it."""
        await asyncio.sleep(self.fate.way() + later)
        taken = asyncio.create_task(self.anybody().attend(*work.instance_in(payload)))
        self.tasks.add(taken)
        done, _ = await asyncio.wait((taken,), timeout=REDELIVERY_SECONDS)
        if not done or taken.exception() is not None:
            self.spawn(self.deliver(payload))

    def nudge(self, worker_id: UUID, instance_id: UUID) -> None:
        """Core NATS: at most once."""
        if not self.fate.strikes(self.fate.loss):
            self.spawn(self.hear(worker_id, instance_id))

    async def hear(self, worker_id: UUID, instance_id: UUID) -> None:
        """Whoever has this id looks into the ledger."""
        await asyncio.sleep(self.fate.way())
        for process in self.living:
            if process.id == worker_id:
                await process.breath()
                process.poke(instance_id)

    # ── those who mend ────────────────────────────────────────────────────────────────────────────────────────────

    async def reconcile(self) -> None:
        """Put back to work what nobody drives, as the reconciler does with its read model."""
        while True:
            await asyncio.sleep(SCAN_SECONDS)
            for instance in self.left_alone():
                self.send(str(instance.id).encode())
            await self.anybody().look_after_families()

    def left_alone(self) -> Iterator[Instance]:
        """Whoever has no living worker and should have one."""
        alive, now = self.alive(), clock.now()
        for instance in list(self.known.values()):
            is_due = instance.status == "waiting" and instance.resumes_at is not None and instance.resumes_at <= now
            is_orphan = instance.status in ("pending", "running") and instance.worker_id not in alive
            if not instance.ended and (is_orphan or is_due or instance.stirred):
                yield instance

    async def over(self, patience_seconds: float) -> bool:
        """Whether every instance has ended, within so much virtual time."""
        deadline = clock.monotonic() + patience_seconds
        while not all(instance.ended for instance in self.known.values()):
            self.changed.clear()
            if clock.monotonic() > deadline:
                return False
            try:
                async with asyncio.timeout(SCAN_SECONDS):
                    await self.changed.wait()
            except TimeoutError:
                continue
        return True
