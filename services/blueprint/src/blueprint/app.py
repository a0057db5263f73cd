"""The blueprint service, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blueprint import library
from blueprint.collaborators import Collaborators
from blueprint.domain import Blueprint
from blueprint.handlers import COMMANDS
from blueprint.projections import BlueprintsProjection
from blueprint.queries import QUERIES
from blueprint.references import References
from chassis.extensions import vocabulary
from chassis.read_model import ReadModel
from chassis.runtime import Runtime
from chassis.service import Service, main
from chassis.streams import Streams
from contracts.blueprint import BLUEPRINT_EVENTS


@asynccontextmanager
async def start(runtime: Runtime) -> AsyncIterator[Collaborators]:
    """Know the words of this deployment, follow the own ledger, see to it that the built-in templates are there."""
    vocabulary()
    blueprints = Streams(runtime.store, Blueprint)
    rows = ReadModel(runtime.pool, runtime.run(BlueprintsProjection()))
    await library.seed(blueprints)
    yield Collaborators(blueprints, References(runtime.store), rows)


SERVICE = Service(
    name="blueprint",
    answers={**COMMANDS, **QUERIES},
    migrations=("chassis.ledger_migrations", "chassis.delivery_migrations", "blueprint.migrations"),
    start=start,
    says=BLUEPRINT_EVENTS,
)

if __name__ == "__main__":
    main(SERVICE)
