"""A service as a table of what it hears, says and answers, and the process that such a table becomes."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

import asyncpg

from chassis import migrations, telemetry
from chassis.answering import Answerer, Answering
from chassis.bus import Bus, settle
from chassis.commits import Commits
from chassis.event_store import PostgresEventStore
from chassis.garbage import collect_seldom
from chassis.logs import configure_logging, get_logger
from chassis.ops import OpsDesk, ProcessState, RebuildDesk
from chassis.postgres import answers, lock_key, open_pool
from chassis.probes import Probes
from chassis.readings import HouseReadings, keep_reading
from chassis.relay import Outbox, Relay, WorkFor
from chassis.replay import ReplayDesk
from chassis.runtime import Resources, Runtime
from chassis.settings import BadSettings, Settings
from contracts.message import Event, Request
from contracts.refusal import Unavailable

DRAIN_SECONDS = 3.5
"""How long requests under way may go on after SIGTERM."""
FLUSH_SECONDS = 1.0
"""How long the relay may publish what they recorded."""
CLOSE_SECONDS = 0.5
"""How long a connection pool may take to close before it is cut off."""
THREAD_SECONDS = 0.2
"""How long a thread may take to end once the service has stopped."""
DATABASE_SECONDS = 0.7
"""Postgres is away when it has not answered by then: less than whoever pings waits for the ping."""
LEADING_POOL = 8
"""Connections that locks may hold: the relay's, one for each projection, a rebuild's."""

log = get_logger(__name__)
D = TypeVar("D")


@dataclass(frozen=True)
class Service(Generic[D]):
    """All that makes a service: its process, its documents and its tests are derived from this.

    `answers` maps each request to `async (request, deps) -> answer`, where the answer is the model or its JSON.
    `start` is entered when database and bus are there: it starts projections and workers, and gives handlers their
    `deps`.
    `migrations` names the packages of numbered SQL that make the schema, the chassis's own included.
    """

    name: str
    answers: Mapping[type[Request], Answerer]
    migrations: tuple[str, ...]
    start: Callable[[Runtime], AbstractAsyncContextManager[D]]
    says: tuple[type[Event], ...] = ()
    hears: tuple[tuple[str, tuple[type[Event], ...]], ...] = ()
    work_for: WorkFor | None = field(default=None)

    @property
    def events(self) -> dict[str, tuple[type[Event], ...]]:
        """The event types that it reads, by the service that says them."""
        return dict(self.hears) | ({self.name: self.says} if self.says else {})


def main(service: Service[Any]) -> None:
    """Run a service until SIGTERM or SIGINT; leaves with 1 and one sentence in the log when it cannot start."""
    configure_logging(service.name)
    try:
        settings = Settings.load()
        configure_logging(service.name, settings.log_level, settings.log_format)
        telemetry.start_tracing(service.name)
        _run(_until_signalled(service, settings))
        _leave_threads_behind()
    except (BadSettings, migrations.UnknownSchema, Unavailable) as error:
        log.critical("service.cannot_start", reason=str(error))
        raise SystemExit(1) from error
    finally:
        telemetry.stop_tracing()


@asynccontextmanager
async def running(service: Service[Any], settings: Settings) -> AsyncIterator[Runtime]:
    """The service at work inside this process; leaving it drains: requests finish, the relay flushes, all closes."""
    async with AsyncExitStack() as stack:
        resources = await _open(stack, service, settings)
        runtime = Runtime(service.name, settings, resources, service.events)
        stack.push_async_callback(runtime.stop)
        relay = await _deliver(stack, service, runtime, resources)
        deps = await stack.enter_async_context(service.start(runtime))
        answering = Answering(service.name, settings.nats_url, settings.namespace)
        stack.push_async_callback(answering.stop, DRAIN_SECONDS)
        await answering.start(service.answers, deps)
        state = _State(service.name, runtime, relay, resources.leading, answering)
        await stack.enter_async_context(RebuildDesk(resources.bus, service.name, runtime.rebuild_named))
        runtime.is_ready = state.is_ready
        await stack.enter_async_context(OpsDesk(resources.bus, service.name, state.now))
        own = HouseReadings(service.name, resources.bus, resources.leading, runtime.runners, relay)
        runtime.readings += [own.servers, own.delivery, own.projections]
        runtime.spawn(keep_reading(runtime.readings), "readings")
        await settle(resources.bus.nc)
        log.info("service.ready", pid=os.getpid())
        yield runtime
        state.ready = False
        log.info("service.draining")


async def _open(stack: AsyncExitStack, service: Service[Any], settings: Settings) -> Resources:
    """Database first, so that a service on an unknown schema never touches the bus."""
    try:
        pool = await open_pool(settings.postgres_dsn, service.name, max_size=settings.pool_size, keeps_sessions=True)
    except (OSError, asyncpg.PostgresError) as error:
        detail = f"Postgres does not let {service.name} in ({error}): start it, or check HEADRACE_POSTGRES_DSN"
        raise Unavailable("postgres_unreachable", detail) from error
    stack.push_async_callback(_close, pool)
    async with pool.acquire() as connection:
        await migrations.check(connection, service.migrations, service.name)
    leading = await open_pool(settings.postgres_dsn, service.name, min_size=1, max_size=LEADING_POOL)
    stack.push_async_callback(_close, leading)
    bus = await Bus.connect(settings.nats_url, settings.namespace, service.name, settings.nats_replicas)
    stack.push_async_callback(bus.close)
    commits = await stack.enter_async_context(Commits(bus, service.name))
    ledger = None
    if service.says:
        ledger = PostgresEventStore(pool, lock_key=lock_key("ledger", service.name))
        ledger.on_commit(commits.committed)
        stack.push_async_callback(ledger.close)
    return Resources(bus, pool, leading, ledger, commits)


async def _deliver(
    stack: AsyncExitStack, service: Service[Any], runtime: Runtime, resources: Resources
) -> Relay | None:
    """Publish what the service records, and tell it again on request; nothing for a service that says nothing."""
    if not service.says:
        return None
    outbox = Outbox(service.name, runtime.store, runtime.commits, service.work_for)
    relay = Relay(runtime.bus, outbox, resources.leading)
    await stack.enter_async_context(ReplayDesk(runtime.bus, service.name, runtime.store))
    runtime.spawn(relay.run(), "relay")
    stack.push_async_callback(_flush, relay, runtime)
    return relay


async def _flush(relay: Relay, runtime: Runtime) -> None:
    """Let the relay publish what is committed; what it does not manage, the next leader does."""
    if relay.leading:
        await relay.wait_for(await runtime.store.head(), FLUSH_SECONDS)


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
    except TimeoutError:
        pool.terminate()


@dataclass
class _State:
    """What a ping is told."""

    service: str
    runtime: Runtime
    relay: Relay | None
    database: asyncpg.Pool
    answering: Answering
    ready: bool = True

    async def is_ready(self) -> bool:
        """As `now` says."""
        return (await self.now()).ready

    async def now(self) -> ProcessState:
        """The process as it is now; ready means that requests arrive and that Postgres answers too."""
        connected = self.runtime.bus.connected and self.answering.connected
        database = await answers(self.database, DATABASE_SECONDS)
        return ProcessState(
            service=self.service,
            version=version("headrace-chassis"),
            ready=self.ready and connected and database,
            relay_leader=self.relay is not None and self.relay.leading,
            projections=self.runtime.projection_states(),
        )


async def _until_signalled(service: Service[Any], settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    probes = Probes().serve(settings.metrics_port)
    async with running(service, settings) as runtime:
        probes.follow(runtime.is_ready)
        collect_seldom()
        await stop.wait()


def _leave_threads_behind() -> None:
    """Go, even if a thread is still in somebody's code: the interpreter would wait for it without end."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(THREAD_SECONDS)
            if thread.is_alive():
                log.warning("service.thread_left_behind", thread=thread.name)
                telemetry.stop_tracing()
                os._exit(0)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed."""
    if find_spec("uvloop"):
        import_module("uvloop").run(work)
    else:
        asyncio.run(work)
