"""The metrics service, wired: two projections, two questions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.runtime import Runtime
from chassis.service import Service, main
from contracts.blueprint import BLUEPRINT_EVENTS
from contracts.checkpoint_events import CHECKPOINT_EVENTS
from contracts.instance_events import INSTANCE_EVENTS
from contracts.metrics import GetBlueprintAnalytics, GetUsage
from metrics.freshness import Freshness
from metrics.projections import BlueprintNames, Executions
from metrics.queries import ReadModel, blueprint_analytics, usage


@asynccontextmanager
async def start(runtime: Runtime) -> AsyncIterator[ReadModel]:
    """Begin to project; answers are read from what the projections write."""
    executions = runtime.run(Executions())
    runtime.run(BlueprintNames())
    yield ReadModel(runtime.pool, Freshness(executions, runtime.pool))


SERVICE = Service(
    name="metrics",
    answers={GetBlueprintAnalytics: blueprint_analytics, GetUsage: usage},
    migrations=("chassis.delivery_migrations", "metrics.migrations"),
    start=start,
    hears=(("execution", (*INSTANCE_EVENTS, *CHECKPOINT_EVENTS)), ("blueprint", BLUEPRINT_EVENTS)),
)

if __name__ == "__main__":
    main(SERVICE)
