"""The access service, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from access.collaborators import Collaborators
from access.data_keys import DataKeys
from access.erasing import finish_erasures
from access.handlers import COMMANDS
from access.projections.audit import Audited
from access.projections.holdings import Holdings
from access.queries import QUERIES
from chassis.read_model import ReadModel
from chassis.runtime import Runtime
from chassis.sealing import load_cipher
from chassis.service import Service, main
from chassis.settings import BadSettings, Settings
from contracts.access_events import ACCESS_EVENTS

load_cipher()


@asynccontextmanager
async def start(runtime: Runtime) -> AsyncIterator[Collaborators]:
    """Follow the own ledger, and see to it that the sealing key is the right one."""
    keys = DataKeys(runtime.pool, sealing_key_of(runtime.settings))
    await keys.check()
    holdings = runtime.run(Holdings())
    runtime.spawn(finish_erasures(keys, holdings), "erasures")
    audited = runtime.run(Audited())
    rows, log = ReadModel(runtime.pool, holdings), ReadModel(runtime.pool, audited)
    yield Collaborators.on(runtime.store, keys, rows, log)


def sealing_key_of(settings: Settings) -> str | None:
    """The key as it is configured; raises `BadSettings` where it must be."""
    if settings.sealing_key is not None:
        return settings.sealing_key.get_secret_value()
    if settings.production:
        raise BadSettings("HEADRACE_SEALING_KEY is not set: production seals; set it to the base64 of 32 random bytes")
    return None


SERVICE = Service(
    name="access",
    answers={**COMMANDS, **QUERIES},
    migrations=("chassis.ledger_migrations", "chassis.delivery_migrations", "access.migrations"),
    start=start,
    says=ACCESS_EVENTS,
)

if __name__ == "__main__":
    main(SERVICE)
