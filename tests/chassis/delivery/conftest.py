"""A post office to deliver from: its ledger, its relay's surroundings, and a read model of parcels."""

from collections.abc import AsyncIterator

import pytest

from chassis.bus import Bus
from tests.chassis.delivery.office import PostOffice, open_office


@pytest.fixture
async def bus(nats_url: str, namespace: str) -> AsyncIterator[Bus]:
    """A connection in a namespace of the test's own, whose streams go with it."""
    bus = await Bus.connect(nats_url, namespace, "test")
    yield bus
    for info in await bus.js.streams_info():
        if str(info.config.name).startswith(namespace.upper()):
            await bus.js.delete_stream(str(info.config.name))
    await bus.close()


@pytest.fixture
async def office(postgres_dsn: str, bus: Bus) -> AsyncIterator[PostOffice]:
    """The post's ledger in a schema with the tables of delivery and of a read model."""
    async with open_office(postgres_dsn, bus) as office:
        yield office
