"""The execution service, wired."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from chassis.extensions import vocabulary
from chassis.ids import new_id
from chassis.logs import hide_in_logs
from chassis.runtime import Runtime
from chassis.service import Service, main
from contracts.access_events import ACCESS_EVENTS
from contracts.blueprint import BLUEPRINT_EVENTS
from contracts.checkpoint_events import CHECKPOINT_EVENTS
from contracts.instance_events import INSTANCE_EVENTS
from execution.domain.decisions.finishing import ChildRequested
from execution.domain.instance import Instance
from execution.domain.visits import Visit
from execution.driving import nudges, work
from execution.driving.effects import Effects
from execution.driving.endings import Endings
from execution.driving.erasing import Eraser
from execution.driving.gauges import WorkReadings
from execution.driving.known import KnownBlueprints
from execution.driving.leases import Leases
from execution.driving.outside import Outside
from execution.driving.reconciler import Reconciler
from execution.driving.records import Records
from execution.driving.running import Workshop
from execution.driving.worker import Worker
from execution.executors.registry import executors
from execution.families import children
from execution.families.keeper import FamilyKeeper
from execution.handlers import COMMANDS, Collaborators
from execution.known_access import KnownAccess
from execution.memory import cache_clearing
from execution.memory.deployment import Deployment
from execution.memory.secrets import KnownSecrets
from execution.memory.section_keeper import SectionKeeper
from execution.memory.together import SharedMemory
from execution.middleware.contract import Decide, Tell
from execution.nodes.action import NodeCall
from execution.nodes.registry import NodeActions
from execution.packages import installed
from execution.pipeline import Pipeline
from execution.projections import Instances, KnownVersions
from execution.queries import QUERIES
from execution.reading.instances import InstanceReader
from execution.steering import runs as steering
from execution.steering import signals
from execution.tokens import TokenStream

MIGRATIONS = ("chassis.ledger_migrations", "chassis.delivery_migrations", "execution.migrations")

Arrange = Callable[[Pipeline], Pipeline]


def as_it_is(pipeline: Pipeline) -> Pipeline:
    """The table of `execution.pipeline`, unchanged."""
    return pipeline


def service(arrange: Arrange = as_it_is) -> Service[Collaborators]:
    """The service; `arrange` may take middleware out of the pipeline or put others in."""

    @asynccontextmanager
    async def start(runtime: Runtime) -> AsyncIterator[Collaborators]:
        chosen = runtime.settings
        actions = NodeActions.load(chosen.tools, production=chosen.production, http_allow=chosen.http_allow)
        tokens = TokenStream(runtime.bus)
        runtime.spawn(tokens.run(), "tokens")
        secrets = KnownSecrets(runtime.pool, runtime.run(KnownAccess()).caught_up, runtime.settings.sealing_key)

        hide_in_logs(secrets.hide)

        async def tell(instance_id: UUID, decide: Decide) -> Instance:
            return await at.outside.tell(instance_id, decide)

        async def request_child(instance: Instance, visit: Visit, call: NodeCall) -> ChildRequested:
            return await children.request(instance, visit, call, at)

        # Packages that cannot be used are found out now, not by the first run.
        vocabulary()
        executors()
        memory = SharedMemory.of(runtime.pool)
        await memory.quotas.follow(runtime)
        around = memory.surroundings(Records(runtime.store), tell, Deployment.load(runtime.settings.pipeline))
        pipeline = arrange(Pipeline(around).with_packages(installed()))
        leases = Leases(runtime.pool, new_id())
        await leases.join()
        at = collaborators(runtime, pipeline, Effects(actions, tokens.send, request_child, secrets.open), leases)
        runtime.spawn(SectionKeeper(memory.sections, at.records, around).run(), "sections")
        see_to_instances(runtime, at.records, tell)
        runtime.spawn(leases.keep(), "lease")
        chores = (*memory.chores, leases.forget_the_dead)
        runtime.spawn(
            Reconciler(runtime.bus, runtime.pool, leases, at.reader.projected.caught_up, chores).run(), "reconciler"
        )
        try:
            async with working(runtime, at.worker, leases):
                yield at
        finally:
            await actions.close()

    return Service(
        name="execution",
        answers={**COMMANDS, **steering.COMMANDS, **signals.COMMANDS, **cache_clearing.COMMANDS, **QUERIES},
        migrations=MIGRATIONS,
        start=start,
        says=(*INSTANCE_EVENTS, *CHECKPOINT_EVENTS),
        hears=(("blueprint", BLUEPRINT_EVENTS), ("access", ACCESS_EVENTS)),
        work_for=work.work_for,
    )


def see_to_instances(runtime: Runtime, records: Records, tell: Tell) -> None:
    """What is done to instances that nobody asks for: families are mended, the erased are forgotten."""
    runtime.spawn(FamilyKeeper(runtime.pool, records, tell).run(), "families")
    runtime.spawn(Eraser(runtime.bus, runtime.pool, records, tell).run(), "eraser")


def collaborators(runtime: Runtime, pipeline: Pipeline, effects: Effects, leases: Leases) -> Collaborators:
    """Everything that handlers and queries work with."""
    projected, known_versions = runtime.run(Instances()), runtime.run(KnownVersions())
    records = Records(runtime.store)
    known = KnownBlueprints(runtime.pool, known_versions.wait_for, known_versions.caught_up)
    worker = Worker(Workshop(records, pipeline, effects), known, leases, runtime.settings.slots)
    runtime.readings += WorkReadings(runtime.bus, runtime.pool, worker, projected).all()
    return Collaborators(
        bus=runtime.bus,
        records=records,
        known=known,
        pipeline=pipeline,
        worker=worker,
        endings=Endings(worker, records, runtime.bus),
        outside=Outside(runtime.bus, records, pipeline, worker),
        reader=InstanceReader(runtime.pool, records, projected),
        mailboxes=pipeline.around.mailboxes,
    )


@asynccontextmanager
async def working(runtime: Runtime, worker: Worker, leases: Leases) -> AsyncIterator[None]:
    """Take up work while inside; at the end let nodes in flight finish and hand the rest over."""
    await work.ensure_consumers(runtime.bus)
    await nudges.listen(runtime.bus, worker)
    pulls = [work.pull(runtime.bus, kind, worker) for kind in (work.START, work.WAKE)]

    async def ask_for_more() -> None:
        for pull in pulls:
            await pull.slots_freed()

    worker.on_free = ask_for_more
    runtime.spawn(worker.keep_waking(), "wake-ups")
    for pull in pulls:
        await pull.start()
    try:
        yield
    finally:
        for pull in pulls:
            await pull.stop()
        await worker.drain()
        await leases.leave()


SERVICE = service()

if __name__ == "__main__":
    main(SERVICE)
