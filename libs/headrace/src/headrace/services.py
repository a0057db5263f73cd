"""The services by name, and what a command needs to know of each without importing it."""

from collections.abc import Mapping
from typing import Literal

Direction = Literal["up", "down", "status"]

GATEWAY = "gateway"
EXECUTION = "execution"
ACCESS = "access"

MIGRATIONS: Mapping[str, tuple[str, ...]] = {
    "blueprint": ("chassis.ledger_migrations", "chassis.delivery_migrations", "blueprint.migrations"),
    "execution": ("chassis.ledger_migrations", "chassis.delivery_migrations", "execution.migrations"),
    "metrics": ("chassis.delivery_migrations", "metrics.migrations"),
    "access": ("chassis.ledger_migrations", "chassis.delivery_migrations", "access.migrations"),
}
"""Packages of numbered SQL by service; the service's name is also the name of its schema and of its role."""

LEDGERS = tuple(name for name, packages in MIGRATIONS.items() if "chassis.ledger_migrations" in packages)
"""The services that record facts, hence have a stream on the bus."""

SERVICES = (*MIGRATIONS, GATEWAY)
