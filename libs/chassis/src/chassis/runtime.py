"""What a running service process has at hand: settings, database, ledger, bus, projections."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from chassis.bus import Bus
from chassis.cancelling import cancel
from chassis.codec import Codec
from chassis.commits import Commits
from chassis.ledger import EventStore
from chassis.ops import ProjectionState
from chassis.projection import Projection
from chassis.projection_runner import ProjectionRunner
from chassis.projection_source import LedgerSource, Source, StreamSource
from chassis.readings import Reading
from chassis.rebuild import rebuild
from chassis.settings import Settings
from contracts.message import Event
from contracts.milestones import MILESTONES, milestone_topics
from contracts.refusal import Missing


@dataclass(frozen=True, slots=True)
class Resources:
    """The connections of a process. `leading` is a pool of its own: what leads keeps its connection."""

    bus: Bus
    pool: asyncpg.Pool
    leading: asyncpg.Pool
    ledger: EventStore | None
    commits: Commits


class Runtime:
    """Handed to a service's `start`; everything begun through it ends with the process."""

    def __init__(
        self, service: str, settings: Settings, resources: Resources, events: Mapping[str, Sequence[type[Event]]]
    ) -> None:
        """`events` are the event types that this code reads, by the service that says them."""
        self.service = service
        self.settings = settings
        self.bus = resources.bus
        self.pool = resources.pool
        self.commits = resources.commits
        self._resources = resources
        self._codecs = {source: Codec(*types) for source, types in events.items()}
        self._runners: dict[str, ProjectionRunner] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_ready: Callable[[], Awaitable[bool]] = _not_yet
        """Whether the process takes work now."""
        self.readings: list[Reading] = []
        """What is measured every few seconds for as long as the process runs; a service may add its own."""

    @property
    def store(self) -> EventStore:
        """The service's ledger; raises `RuntimeError` in a service that says nothing."""
        if self._resources.ledger is None:
            raise RuntimeError(f"{self.service} says no events, so it has no ledger: list them in its `Service.says`")
        return self._resources.ledger

    @property
    def codec(self) -> Codec:
        """Reads and writes the service's own events."""
        return self.codec_of(self.service)

    def codec_of(self, source: str) -> Codec:
        """Reads what `source` says; raises `RuntimeError` when this service does not hear it."""
        if source not in self._codecs:
            raise RuntimeError(f"{self.service} does not hear {source}: list its events in `Service.hears`")
        return self._codecs[source]

    def run(self, projection: Projection) -> ProjectionRunner:
        """Keep a projection up to date from now on, here or in whichever process leads it."""
        runner = ProjectionRunner(
            projection, self._source(projection), self.codec_of(projection.source), self._resources.leading
        )
        self._runners[projection.name] = runner
        self.spawn(runner.run(), f"projection {projection.name}")
        return runner

    async def rebuild(self, projection: Projection) -> int:
        """Make a projection's rows anew while the old ones are read; answers the position they show."""
        codec = self.codec_of(projection.source)
        return await rebuild(projection, self._source(projection), codec, self._resources.leading)

    async def rebuild_named(self, name: str) -> int:
        """As `rebuild`, for a projection that runs here; raises `Missing` when there is none of that name."""
        if name not in self._runners:
            known = ", ".join(sorted(self._runners)) or "none"
            raise Missing("no_such_projection", f"{self.service} has no projection {name!r}; it has: {known}")
        return await self.rebuild(self._runners[name].projection)

    @property
    def runners(self) -> Mapping[str, ProjectionRunner]:
        """The projections that run here, by name."""
        return self._runners

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something until the process stops, when it is cancelled."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def projection_states(self) -> tuple[ProjectionState, ...]:
        """How far each projection is, as this process knows; the lag of a foreign source is not known here."""
        return tuple(
            ProjectionState(
                name=name,
                position=runner.position,
                lag=max(0, self.commits.highest - runner.position) if runner.leading and self._owns(runner) else 0,
                leading=runner.leading,
                stopped=runner.stopped,
            )
            for name, runner in self._runners.items()
        )

    async def stop(self) -> None:
        """Cancel what was begun, and wait for it."""
        await cancel(*self._tasks)

    def _owns(self, runner: ProjectionRunner) -> bool:
        return runner.projection.source == self.service

    def _source(self, projection: Projection) -> Source:
        if projection.source == self.service:
            return LedgerSource(self.store, self.commits)
        consumer = f"{self.service}_{projection.name}"
        is_content = set(projection.reads) <= MILESTONES.get(projection.source, frozenset())
        milestones = milestone_topics(projection.source) if is_content else ()
        return StreamSource(self.bus, projection.source, consumer, milestones=milestones)


async def _not_yet() -> bool:
    return False
