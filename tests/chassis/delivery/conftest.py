"""A post office to deliver from: its ledger, its relay's surroundings, and a read model of parcels."""

from collections.abc import AsyncIterator

import pytest
from nats.errors import TimeoutError as NatsTimeout
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.runtime import Runtime
from chassis.service import running
from chassis.settings import Settings
from tests.chassis.delivery.office import PostOffice, open_office, tables
from tests.chassis.delivery.post import POST
from tests.support.lent_databases import LentDatabases

QUESTIONS = 3


@pytest.fixture
async def bus(nats_url: str, namespace: str) -> AsyncIterator[Bus]:
    """A connection in a namespace of the test's own, whose streams go with it."""
    bus = await Bus.connect(nats_url, namespace, "test")
    yield bus
    await delete_streams(bus)
    await bus.close()


async def delete_streams(bus: Bus) -> None:
    """Take the namespace's streams away, found by their subjects: a list of all streams ends after 256.

    On a connection that was made anew a moment ago a question may get lost, so it is asked again.
    """
    for patience in range(QUESTIONS):
        try:
            while True:
                await bus.js.delete_stream(await bus.js.find_stream_name_by_subject(f"{bus.namespace}.>"))
        except NotFoundError:
            return
        except NatsTimeout:
            if patience == QUESTIONS - 1:
                raise


@pytest.fixture
async def post_dsn(databases: LentDatabases) -> AsyncIterator[str]:
    """A database with two post offices that are not open yet."""
    async with databases.lend(tables(), tables("customs")) as dsn:
        yield dsn


@pytest.fixture
async def office(post_dsn: str, bus: Bus) -> AsyncIterator[PostOffice]:
    """The post's ledger in a schema with the tables of delivery and of a read model."""
    async with open_office(post_dsn, bus) as office:
        yield office


@pytest.fixture
async def settings(post_dsn: str, nats_url: str, namespace: str) -> Settings:
    """Of a deployment whose schema is made."""
    return Settings(postgres_dsn=post_dsn, nats_url=nats_url, namespace=namespace)


@pytest.fixture
async def post(settings: Settings, bus: Bus) -> AsyncIterator[Runtime]:
    """The service at work; `bus` is another process that asks it."""
    async with running(POST, settings) as runtime:
        yield runtime
